"""The HTTP gateway: publish events and read alerts without Kafka.

A thin shell: what a body says (:mod:`.bodies`), whether its sender may say it (:mod:`.checking`), which alerts somebody sees
(:mod:`.alerts`) and where a stream stands (:mod:`.positions`) are pure functions; :mod:`.tables`, :mod:`.outbox` and :mod:`.log` are the
edge to ClickHouse and Kafka, :mod:`.app` the routes. Who is let in stands in :mod:`weftline.contracts.partners`.
"""
