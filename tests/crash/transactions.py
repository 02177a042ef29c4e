"""Foreign transactions under fire: some commit what is published, some carry what must never be seen, and are aborted."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable

from confluent_kafka import KafkaException, Producer

from tests.support.hostile import Message

#: For the broker's answer to one call. It is killed now and then; whoever cannot commit publishes otherwise.
SECONDS = 5.0


class Transactions:
    """One transactional producer, made anew after each failure: its new life ends what the old one left open."""

    def __init__(self, kafka: str) -> None:
        self._kafka = kafka
        self._producer: Producer | None = None
        self.committed = self.aborted = 0

    def commit(self, messages: Iterable[Message]) -> bool:
        """Whether Kafka has them; False if that is not known."""
        done = self._transaction(messages, commit=True)
        self.committed += done
        return done

    def abort(self, messages: Iterable[Message]) -> None:
        """They lie in the log, and nobody may read them."""
        self.aborted += self._transaction(messages, commit=False)

    def end(self, seconds: float) -> None:
        """Leave nothing open."""
        deadline = time.monotonic() + seconds
        self._producer = None
        while self._ready() is None:
            assert time.monotonic() < deadline, f"the broker ends no transaction within {seconds:.0f} s"

    def _transaction(self, messages: Iterable[Message], *, commit: bool) -> bool:
        producer = self._ready()
        if producer is None:
            return False
        try:
            producer.begin_transaction()
            for message in messages:
                producer.produce(message.topic, message.value, message.key, headers=message.headers)
            if producer.flush(SECONDS) == 0:
                (producer.commit_transaction if commit else producer.abort_transaction)(SECONDS)
                return True
        except KafkaException:
            pass
        self._producer = None
        return False

    def _ready(self) -> Producer | None:
        if self._producer is None:
            with contextlib.suppress(KafkaException):
                options = {"bootstrap.servers": self._kafka, "transactional.id": "fire", "compression.type": "lz4", "log_level": 0}
                producer = Producer({**options, "partitioner": "murmur2_random"})
                producer.init_transactions(SECONDS)
                self._producer = producer
        return self._producer
