"""Alerts that leave the house: webhooks and group bots.

:mod:`.receivers` (who is told) → :mod:`.outbox` (what each is still to be told, on disk) → :mod:`.quieting` (what a person needs to read,
and when) → :mod:`.webhooks` and :mod:`.chat` (how it is said, and what an answer means) → :mod:`.delivery` (what follows from the answer).
:mod:`.dispatcher` is the shell around them, :mod:`.program` the program.
"""
