"""Bytes that rotted on the disk, in ClickHouse's parts and in Kafka's segments: what the runbooks' README has one do, done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from kafka import KafkaProducer
from tests.e2e.commands import until, weftline
from tests.support.hostile import Message, Played
from tests.support.stack import SWEEP, stack_at, where

from weftline.embedded.supervisor import Stack
from weftline.runtime.places import open_places
from weftline.warehouse.client import reader
from weftline.warehouse.faults import WarehouseError
from weftline.warehouse.status import TOPICS

START = 1_767_225_600_000  # 2026-01-01
CHECKSUM = 40
#: So many bytes before its end a segment rots: in the last record, whoever has not read that.
LAST_BYTES = 40

pytestmark = pytest.mark.timeout(900)


def publish(stack: Stack, messages: Sequence[Message]) -> None:
    """Each in a batch of its own, so that one that rots takes no others with it."""
    producer = KafkaProducer(bootstrap_servers=where(stack).kafka, linger_ms=0)
    for message in messages:
        producer.send(message.topic, value=message.value, key=message.key, headers=message.headers).get(30)
    producer.close()


def all_read(stack: Stack) -> bool:
    with open_places(where(stack), TOPICS) as places:
        return all(log.next == log.end for log in places.read())


def largest_part(stack: Stack, table: str) -> tuple[Path, str]:
    with reader(where(stack)) as server:
        server.command(f"OPTIMIZE TABLE {table} FINAL")
        ((path, name),) = server.rows(
            f"SELECT path, name FROM system.parts WHERE database = 'weftline' AND table = '{table}' AND active ORDER BY rows DESC LIMIT 1"
        )
    return Path(path), name


def rot(path: Path, at: float) -> None:
    """Three bytes are others than they were."""
    data = bytearray(path.read_bytes())
    begin = int(len(data) * at)
    data[begin : begin + 3] = bytes(byte ^ 0xFF for byte in data[begin : begin + 3])
    path.write_bytes(data)


def test_parts_and_segments_rot_and_a_backup_mends_it(tmp_path: Path) -> None:
    played = Played(29, START, 15, 400)
    as_of = played.answers["as_of"]
    folder, backup = tmp_path / "stack", tmp_path / "backup"
    half = len(played.messages) // 2
    environment = {
        "WEFTLINE_DATA": str(folder),
        "WEFTLINE_SWEEP_SECONDS": SWEEP,
        "WEFTLINE_SIMULATED_CLOCK": f"0,{as_of},0",
    }

    def command(*arguments: str, status: int = 0) -> str:
        ended = weftline(*arguments, folder=tmp_path, seconds=240, **environment)
        assert ended.returncode == status, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    with stack_at(folder, as_of) as stack:
        publish(stack, played.messages[:half])
        until(lambda: all_read(stack), "the first half is read", 240)
        command("backup", str(backup))
        facts, name = largest_part(stack, "order_facts")
        records, records_name = largest_part(stack, "order_records")
        states, _ = largest_part(stack, "order_state")
    logs = {path: path.stat().st_size for path in (folder / "kafka" / "data").glob("inspection.results.v1-*/*.log")}
    with stack_at(folder, as_of, names=()) as stack:
        publish(stack, played.messages[half:])  # and nobody reads it
    rot(facts / "data.bin", 0.5)
    rot(records / "data.bin", 0.5)
    rot(states / "checksums.txt", 0.3)
    grown = max(logs, key=lambda path: path.stat().st_size - logs[path])
    rot(grown, 1 - LAST_BYTES / grown.stat().st_size)

    with stack_at(folder, as_of) as stack:
        # A part whose list of checksums rotted is set aside when the engine starts; others are found when they are read.
        assert "order_state: 1 parts cannot be read and were set aside" in command("status", status=1)
        with reader(where(stack)) as server:
            for table, part in (("order_facts", name), ("order_records", records_name)):
                with pytest.raises(WarehouseError, match="Checksum doesn't match") as caught:
                    server.rows(f"SELECT sum(cityHash64(*)) FROM {table}")
                assert caught.value.code == CHECKSUM
                assert any(part in str(row) and "Checksum mismatch" in str(row) for row in server.rows(f"CHECK TABLE {table}"))
                server.command(f"ALTER TABLE {table} DETACH PART '{part}'")
        command("restore", "--merge", str(backup))
        until(lambda: all_read(stack), "the second half is read", 240)
        with reader(where(stack)) as server:
            aside = server.rows("SELECT table, name FROM system.detached_parts WHERE database = 'weftline' ORDER BY table, name")
            assert {table for table, _ in aside} == {"order_facts", "order_records", "order_state"}
            for table, part in aside:
                server.command(f"ALTER TABLE {table} DROP DETACHED PART '{part}' SETTINGS allow_drop_detached = 1")
            letters = server.rows("SELECT topic, detail FROM dead_letters FINAL WHERE detail LIKE '%checksum of its batch%'")
        assert [topic for topic, _ in letters] == ["inspection.results.v1"]
        until(lambda: weftline("status", folder=tmp_path, **environment).returncode == 0, "nothing needs a person", 120)
        report = json.loads(command("audit", "--json", "--patience", "60"))
        assert (report["drift_rows"], report["unsettled"]) == (0, 0)
        assert report["records"] > half / 2
