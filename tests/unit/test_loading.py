"""When a command looks for garbage: not while it loads its modules, and as usual from then on."""

from __future__ import annotations

import gc

from weftline.commands.common import importing, load_first


def test_after_the_first_look_it_is_as_usual() -> None:
    usual = gc.get_threshold()
    load_first()
    assert gc.get_threshold()[0] > usual[0]
    gc.collect()
    assert gc.get_threshold() == usual
    gc.collect()


def test_a_program_that_stays_looks_as_usual_once_it_has_loaded() -> None:
    usual = gc.get_threshold()
    load_first()
    try:
        with importing():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_threshold() == usual
    finally:
        gc.collect()
        gc.unfreeze()
