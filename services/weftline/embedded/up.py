"""A stack as a program: until a signal comes."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from weftline.embedded.accounts import TOKEN_FILE
from weftline.embedded.interrupt import Interrupted
from weftline.embedded.passwords import FOLDER
from weftline.embedded.stack_folder import Addresses
from weftline.embedded.supervisor import Prepare, Stack, StackConfig, Workers, no_workers, nothing_to_prepare


def to_query(addresses: Addresses, folder: Path) -> str:
    """Who may query ClickHouse, for people."""
    assert addresses.passwords is not None
    return f"  queries   user reader, password {addresses.passwords.reader} (in {folder.absolute() / FOLDER / 'reader'})"


def to_trust(addresses: Addresses, folder: Path) -> list[str]:
    """What somebody needs to know to be let in, for people; nothing where nobody is asked."""
    if addresses.security is None:
        return []
    return [
        "everything by TLS; Kafka asks for SCRAM-SHA-512, and `weftline access grant` makes users",
        f"  trust     {addresses.security.authority.absolute()} (curl --cacert, WEFTLINE_KAFKA_CA, WEFTLINE_CLICKHOUSE_CA, ca=)",
        f"  sign in   to the board with the token in {folder.absolute() / FOLDER / TOKEN_FILE}",
        f"  commands  with --data {folder} log in by themselves: as operator, as admin for topics and access",
    ]


@contextlib.contextmanager
def stop_on_signals(stack: Stack) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP stop the stack in order; a second one kills what is left. For the main thread."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stack.ask_to_stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def up(
    config: StackConfig,
    *,
    prepare: Prepare = nothing_to_prepare,
    workers: Workers = no_workers,
    say: Callable[[str], None] = print,
) -> int:
    """Run a stack until it is told to stop; returns the exit status. What the command ``weftline up`` does."""
    stack = Stack(config, prepare=prepare, workers=workers, say=say)
    with stop_on_signals(stack):
        try:
            addresses = stack.start()
        except Interrupted:
            return 130
        if stack.board:
            say(f"Board       {stack.board}")
        if stack.gateway:
            say(f"Gateway     {stack.gateway} (`weftline partner add` makes tokens)")
        say(f"Kafka       {addresses.kafka}")
        say(f"ClickHouse  {addresses.clickhouse}")
        say(to_query(addresses, config.folder))
        for line in to_trust(addresses, config.folder):
            say(line)
        say(f"data, logs  {config.folder.absolute()}")
        listening = (
            *(("board", stack.board), ("gateway", stack.gateway)),
            *(("kafka", addresses.kafka), ("clickhouse", addresses.clickhouse)),
        )
        for name, address in listening:
            usual = config.usual.get(name)
            if usual and address and name not in config.ports and not address.endswith(f":{usual}"):
                say(f"{name} listens elsewhere than on its usual port {usual}, which was taken; --{name}-port asks for one")
        without = stack.degraded
        say(f"ready{' but for ' + ', '.join(without) if without else ''}; Ctrl-C stops all, the data stay")
        try:
            # In slices: a signal that the kernel hands to another thread does not wake this one, whose turn its handler waits for.
            while not stack.wait(0.5):
                pass
        finally:
            stack.stop()
    say("stopped")
    return 0
