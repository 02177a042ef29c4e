"""The pure parts of the embedded engine's HTTP protocol."""

from __future__ import annotations

import gzip
import zlib

import lz4.frame
import pytest
import zstandard

from weftline.embedded import engine_sql as sql
from weftline.embedded.engine_codec import BodyDecoder, CannotDecode
from weftline.embedded.engine_sql import Kind


@pytest.mark.parametrize(
    ("text", "head", "name", "data"),
    [
        (b"INSERT INTO t (a, b) FORMAT Native\n\x02\n", b"INSERT INTO t (a, b) ", "Native", b"\x02\n"),
        (b"insert into t format TSV\t \r\n1\n", b"insert into t ", "TSV", b"1\n"),
        (b"INSERT INTO t FORMAT JSONEachRow{}", b"INSERT INTO t ", "JSONEachRow", b"{}"),
        (b"INSERT INTO t FORMAT CSV\n\n1\n", b"INSERT INTO t ", "CSV", b"\n1\n"),
        (
            b"/* FORMAT A */ INSERT INTO t SETTINGS x='FORMAT B' FORMAT C\nd",
            b"/* FORMAT A */ INSERT INTO t SETTINGS x='FORMAT B' ",
            "C",
            b"d",
        ),
        (b"INSERT INTO t VALUES (1, 'FORMAT TSV'); DROP TABLE t", b"INSERT INTO t ", "Values", b" (1, 'FORMAT TSV'); DROP TABLE t"),
        (b"INSERT INTO t (values) values (1)", b"INSERT INTO t (values) ", "Values", b" (1)"),
        (b"INSERT INTO `FORMAT D` (`a b`, format) FORMAT TSV\n", b"INSERT INTO `FORMAT D` (`a b`, format) ", "TSV", b""),
    ],
)
def test_inserts_with_data_are_split_at_their_format(text: bytes, head: bytes, name: str, data: bytes) -> None:
    statement = sql.parse(text)
    found = (statement.kind, statement.head + statement.tail, statement.format, text[statement.data_at :])
    assert found == (Kind.INSERT_DATA, head, name, data)


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        (b"SELECT 1", Kind.READ, None),
        (b"-- why\n  (SELECT 'x FORMAT y')", Kind.READ, None),
        (b"WITH 1 AS a SELECT a FORMAT JSON;\n", Kind.READ, "JSON"),
        (b"select 1 format Native settings max_threads=1", Kind.READ, "Native"),
        (b"INSERT INTO t SELECT 1 FORMAT TSV", Kind.WRITE, None),
        (b"INSERT INTO t SELECT 1; INSERT INTO t FORMAT TSV\n1", Kind.WRITE, None),
        (b"INSERT INTO t; DROP TABLE t; INSERT INTO t VALUES (1)", Kind.WRITE, None),
        (b"CREATE TABLE t (a Int8) ENGINE = Memory", Kind.WRITE, None),
        (b"", Kind.WRITE, None),
    ],
)
def test_reads_and_writes_are_told_apart(text: bytes, kind: Kind, name: str | None) -> None:
    statement = sql.parse(text)
    assert (statement.kind, statement.format, statement.head) == (kind, name, text)


def test_settings_are_quoted_and_separated_from_the_rest() -> None:
    settings = sql.settings_of({"query": "SELECT 1", "param_x": "1", "max_threads": "2", "x'y": "3", "log_comment": "it's \\"})
    assert sql.set_statement(settings) == "SET max_threads = '2', log_comment = 'it\\'s \\\\'"


def test_bodies_are_decoded_in_pieces_of_any_size() -> None:
    plain = bytes(range(256)) * 400
    half = len(plain) // 2
    encoded = {
        "": plain,
        "gzip": gzip.compress(plain[:half]) + gzip.compress(plain[half:]),
        "deflate": zlib.compress(plain),
        "lz4": lz4.frame.compress(plain[:half]) + lz4.frame.compress(plain[half:]),
        "zstd": zstandard.compress(plain[:half]) + zstandard.compress(plain[half:]),
    }
    for encoding, body in encoded.items():
        for size in (1, 77, len(body)):
            decoder = BodyDecoder(encoding)
            assert b"".join(decoder.feed(body[at : at + size]) for at in range(0, len(body), size)) == plain
            decoder.finish()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4", "zstd"])
def test_a_body_that_is_cut_short_or_broken_is_refused(encoding: str) -> None:
    whole = {"gzip": gzip.compress, "deflate": zlib.compress, "lz4": lz4.frame.compress, "zstd": zstandard.compress}[encoding](
        b"x" * 9999
    )
    decoder = BodyDecoder(encoding)
    decoder.feed(whole[:-1])
    with pytest.raises(CannotDecode, match="cut short"):
        decoder.finish()
    with pytest.raises(CannotDecode, match=f"no {encoding}"):
        BodyDecoder(encoding).feed(b"this is plain text, whatever the header says")
    with pytest.raises(CannotDecode, match="not known"):
        BodyDecoder("br")


def test_errors_have_a_code_and_a_status() -> None:
    assert sql.error_code("Code: 60. DB::Exception: Table t does not exist. (UNKNOWN_TABLE)") == 60
    assert sql.error_code("Streaming insert finish failed: Code: 27. DB::Exception: x") == 27
    assert [sql.http_status(code) for code in (60, 62, 516, 241)] == [404, 400, 401, 500]
