"""What the rules give, by name: the fields of these NamedTuples *are* the columns of the tables below ``schemas/clickhouse``.

Each field says in one line what the column holds (:mod:`.columns`), in the words that ClickHouse shows as its comment, and whether rollups
sum it. Names, types and comments of tables, rollups and plain views are derived from that (:mod:`weftline.processors.tables`).
"""
