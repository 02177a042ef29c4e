"""Spreadsheets and CSV: rows of somebody else's table to events of ours, the same rows always to the same events.

``reading`` makes cells of bytes, ``mapping_file`` says what they mean, ``rows`` makes events of them, each checked by the contract that
holds for any other event; ``ledger`` knows what was sent, ``publishing`` sends what differs. ``guessing`` and ``templates`` help whoever
begins.
"""
