"""A publisher from settings: for commands and programs, which have their addresses and credentials there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from weftline.sdk import Publisher
from weftline.sdk.common import Defaults

if TYPE_CHECKING:
    from weftline.runtime.settings import Settings


def publisher_of(settings: Settings, who: Defaults, key: Path | None = None, spool: Path | None = None) -> Callable[[], Publisher]:
    """What opens a publisher with the settings' credentials, where asked over a ``spool``.

    ``who``: what events say of themselves that do not say it.
    """
    password = settings.kafka_password
    return partial(
        Publisher,
        settings.kafka,
        source=who.source,
        cooperative_id=who.cooperative_id,
        center_id=who.center_id,
        schema_registry=settings.schema_registry,
        username=settings.kafka_username,
        password=password.get_secret_value() if password else None,
        ca=settings.kafka_ca,
        private_key=key or settings.publisher_key,
        spool=spool,
    )
