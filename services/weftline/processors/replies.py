"""``weftline replies``: the processor of answers to quality alerts, and of lots that are held back."""

from __future__ import annotations

from typing import Final

from weftline.contracts.kinds import BY_PROCESSOR
from weftline.domain.replies import ReplyRules
from weftline.domain.rows.replies import AnswerKey, AnswerRow, BlockKey, BlockRow, ReplyAmounts
from weftline.processors.kinds import Kind, Says, StateTable, View, tables

_FACTORY: Final = ("factory_id", "factory")

REPLIES = Kind(
    of=BY_PROCESSOR["replies"],
    start=ReplyRules,
    amounts=ReplyAmounts,
    says=Says(
        owner="factory_id",
        facts="One judged fact per reply to an alert, and per word about lots that are held back.",
        judgement="applied; of what counts zero why: no_edge (from the state in which it was this reply leads nowhere), not_forwarded (the "
        "supplier has no notification of this alert), no_such_problem, unknown_reply, superseded, declared_erroneous, not_judged",
        events="replies that stand and led on",
        throughput="Answers to alerts",
        view="answers",
        view_says="Answers to alerts",
    ),
    states=tables(
        StateTable(
            "answer_state",
            "The answer to each alert: the factory's, and those of suppliers to whom it was forwarded.",
            AnswerRow,
            View(
                "answers",
                "Answers to alerts as they stand, one for each alert and receiver. Not yet in it: alerts that nobody has answered.",
                "state != ''",
                owner=_FACTORY,
            ),
            AnswerKey,
        ),
        StateTable(
            "block_state",
            "What holds each lot back.",
            BlockRow,
            View(
                "blocks",
                "Lots that are, or were, held back by problems.",
                "blocked OR notEmpty(lifted_ids)",
                owner=_FACTORY,
            ),
            BlockKey,
        ),
    ),
)
