"""The exceptions of Weftline.

::

    WeftlineError
    ├── UserError            something the person at the keyboard can mend; the CLI prints its one line, no traceback
    │   ├── KafkaRefuses     Kafka answers, and does not let this user do it, or lacks a topic
    │   └── GaveUp           a server of the embedded stack died again and again (embedded.supervisor)
    ├── ContractError        an event breaks its contract; names the field
    │   ├── DecodeError      bytes that are no event at all (framing, schema id, Avro)
    │   └── NotAllowed       an event of somebody who may not speak for whom it names (contracts.publishers)
    ├── DependencyDown       Kafka or ClickHouse does not answer now; the caller waits and tries again
    │   └── NotReady         it answers, but the set-up is not finished: a table, a grant (warehouse.faults)
    ├── WarehouseError       ClickHouse refused a statement and will refuse it again (warehouse.faults)
    ├── DeliveryError        events that Kafka did not take, to be published again (sdk.delivery)
    ├── Stalled              a processor stood still though nothing was waited for (runtime.watchdog)
    ├── ProcessorStopped     a processor must not go on; its supervisor starts it anew (runtime.loop)
    └── GroupCrashed         membership of the consumer group broke off (runtime.faust_batches)
"""

from __future__ import annotations


class WeftlineError(Exception):
    """Base of everything that Weftline raises on purpose."""


class UserError(WeftlineError):
    """One line that says what is wrong, where, and what to do."""


class KafkaRefuses(UserError):
    """Kafka answers, and refuses the login, does not allow it, or has no such topic: whatever is published, it would be the same."""


class ContractError(WeftlineError):
    """An event breaks its contract.

    ``field`` is the dotted path of the field (``laboratory_report.measurements[2].value``), ``problem`` what is wrong with it.
    ``reason`` is the closed code under which it is counted and dead-lettered.
    """

    reason = "contract"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class DecodeError(ContractError):
    """Bytes from which no event can be read."""

    reason = "undecodable"


class NotAllowed(ContractError):
    """A sound event that whoever published it had no right to publish."""

    reason = "not_allowed"


class DependencyDown(WeftlineError):
    """A dependency does not answer; ``dependency`` is its public name (``clickhouse``, ``kafka``, ``schema-registry``).

    ``suspect``: what was asked of it may itself be the cause (:mod:`weftline.runtime.blame`).
    """

    def __init__(self, dependency: str, detail: str, suspect: bool = False) -> None:
        super().__init__(f"{dependency}: {detail}")
        self.dependency = dependency
        self.suspect = suspect
