"""Where statements end and how parameters get into them; what the engine makes of it is in integration/test_warehouse.py."""

from __future__ import annotations

from datetime import datetime

import pytest

from weftline.warehouse.sql import SqlError, bind, literal, split_statements


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", []),
        (" ;; -- nothing; here\n ; /* nor ; here */", []),
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';', 'it''s;', 'back\\';slash\\\\'; SELECT 2", ["SELECT ';', 'it''s;', 'back\\';slash\\\\'", "SELECT 2"]),
        ('SELECT "a;b", `c;``d`; SELECT 2', ['SELECT "a;b", `c;``d`', "SELECT 2"]),
        ("SELECT 1 -- one; 'two\n+ 1; SELECT 2", ["SELECT 1 -- one; 'two\n+ 1", "SELECT 2"]),
        ("SELECT 1 /* a; /* nested; */ still; */ + 1; SELECT 2", ["SELECT 1 /* a; /* nested; */ still; */ + 1", "SELECT 2"]),
        ("SELECT $text$a;'b$text$; SELECT 2", ["SELECT $text$a;'b$text$", "SELECT 2"]),
        ("-- kept\nSELECT 1", ["-- kept\nSELECT 1"]),
        ("'a';", ["'a'"]),
        ("SELECT 1 // no; end\n; SELECT 2 # nor; here\n", ["SELECT 1 // no; end", "SELECT 2 # nor; here"]),
    ],
)
def test_statements_end_where_clickhouse_ends_them(script: str, expected: list[str]) -> None:
    assert split_statements(script) == expected


@pytest.mark.parametrize("script", ["SELECT 1;\nSELECT 'open", "SELECT 1;\n/* /* */", "SELECT\n`name"])
def test_what_does_not_end_is_refused_with_its_line(script: str) -> None:
    with pytest.raises(SqlError, match="line 2"):
        split_statements(script)


def test_a_missing_quote_in_a_long_text_is_found_at_once() -> None:
    with pytest.raises(SqlError, match="line 1"):
        split_statements("SELECT '" + "x" * 2_000_000)


def test_placeholders_in_strings_names_and_comments_are_left_alone() -> None:
    text = "SELECT '{a:String}', `{a:String}`, {a:UInt8} -- {a:String}\n/* {b:UInt8} */"
    assert bind(text, {"a": 7}) == "SELECT '{a:String}', `{a:String}`, CAST('7', 'UInt8') -- {a:String}\n/* {b:UInt8} */"


def test_values_and_placeholders_must_fit() -> None:
    with pytest.raises(SqlError, match=r"no value for \{b:UInt8\}"):
        bind("SELECT {a:UInt8}, {b:UInt8}", {"a": 1})
    with pytest.raises(SqlError, match="no placeholder for c"):
        bind("SELECT {a:UInt8}", {"a": 1, "c": 2})
    with pytest.raises(SqlError, match=r"\{a:Array\(String\)\}"):
        bind("SELECT {a:Array(String)}", {"a": ["x", 1]})
    with pytest.raises(SqlError, match="offset from UTC"):
        bind("SELECT {a:DateTime('UTC')}", {"a": datetime(2026, 1, 1)})


def test_many_values_are_one_literal_to_the_parser() -> None:
    assert literal(["a", "it's", "b\\"], "Array(String)") == "splitByChar('\\0', 'a\\0it\\'s\\0b\\\\')"
    assert literal([1, 2], "Array(UInt256)") == "CAST('[1,2]', 'Array(UInt256)')"
    # A value that contains the separator takes the slower way.
    assert literal(["a\0b"], "Array(String)") == "CAST('[\\'a\\\\0b\\']', 'Array(String)')"
    assert literal([], "Array(String)") == "CAST('[]', 'Array(String)')"
