"""Registries: newer versions are read, unsafe schemas refused, a real HTTP server asked."""

from __future__ import annotations

import copy
import dataclasses
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastavro import parse_schema, schemaless_writer
from tests.support.examples import CODEC, ORDER, SHIPMENT

from weftline.contracts.codec import FRAMING, Codec, schema_id_of
from weftline.contracts.mapping import to_avro
from weftline.contracts.paths import schemas_root
from weftline.contracts.registry import FileRegistry, HttpRegistry, local_schema
from weftline.domain import vocabulary as v
from weftline.errors import DecodeError, DependencyDown, UserError

# --- Other versions of a schema ---------------------------------------------------------------------------------------------------


def order_schema(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    schema = copy.deepcopy(local_schema("sample.orders.v1-value", 1))
    change(schema)
    return schema


class Registered(FileRegistry):
    """Our files and one schema more, under id 9."""

    def __init__(self, schema: dict[str, Any], root: Path) -> None:
        shutil.copytree(schemas_root() / "avro", root / "avro")
        (root / "avro" / "sample.orders.v1-value" / "v9.avsc").write_text(json.dumps(schema))
        ids = yaml.safe_load((root / "avro" / "ids.yaml").read_text()) | {9: ["sample.orders.v1-value", 9]}
        (root / "avro" / "ids.yaml").write_text(yaml.safe_dump(ids))
        super().__init__(root)


def test_a_newer_version_is_read_by_ours(tmp_path: Path) -> None:
    def newer(schema: dict[str, Any]) -> None:
        fields = {field["name"]: field for field in schema["fields"]}
        fields["status"]["type"]["symbols"].insert(1, "TELEPORTED")
        schema["fields"].insert(3, {"name": "urgency", "type": ["null", "string"], "default": None})
        schema["fields"] = [field for field in schema["fields"] if field["name"] != "reason"]

    schema = order_schema(newer)
    codec = Codec(Registered(schema, tmp_path))
    for status, found in (("TELEPORTED", v.OrderStatus.UNKNOWN), ("CONFIRMED", v.OrderStatus.CONFIRMED)):
        out = BytesIO()
        schemaless_writer(out, parse_schema(schema), {**to_avro(ORDER), "status": status, "urgency": "high"})
        read = codec.decode("sample.orders.v1", b"\0\0\0\0\x09" + out.getvalue())
        assert read == dataclasses.replace(ORDER, status=found, reason=None)
    assert codec.decode("sample.orders.v1", codec.encode(ORDER)) == ORDER


def recursive(schema: dict[str, Any]) -> None:
    schema["fields"].append({"name": "next", "type": ["null", "SampleOrderEvent"], "default": None})


def empty_items(schema: dict[str, Any]) -> None:
    empty = {"type": "record", "name": "Empty", "fields": [{"name": "nothing", "type": "null"}]}
    schema["fields"].append({"name": "many", "type": {"type": "array", "items": empty}, "default": []})


def incompatible(schema: dict[str, Any]) -> None:
    schema["fields"] = [field for field in schema["fields"] if field["name"] != "factory_id"]


def invalid(schema: dict[str, Any]) -> None:
    schema["fields"].append({"name": "bad", "type": {"type": "enum", "name": "Bad", "symbols": ["no symbol!"]}})


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (recursive, "contains itself"),
        (empty_items, "take no bytes"),
        (incompatible, "No default value for field factory_id"),
        (invalid, "no valid Avro schema"),
    ],
)
def test_a_registered_schema_that_cannot_be_read_safely_is_refused(
    change: Callable[[dict[str, Any]], None], problem: str, tmp_path: Path
) -> None:
    schema = order_schema(change)
    codec = Codec(Registered(schema, tmp_path))
    body = CODEC.encode(ORDER)[FRAMING:]
    if change is incompatible:
        out = BytesIO()
        schemaless_writer(out, parse_schema(schema), to_avro(ORDER))
        body = out.getvalue()
    with pytest.raises(DecodeError, match=problem):
        codec.decode("sample.orders.v1", b"\0\0\0\0\x09" + body)


# --- A registry over HTTP ---------------------------------------------------------------------------------------------------------


class _Registry(BaseHTTPRequestHandler):
    """A registry that knows the order schema as 4711, and can be out of order."""

    asked: list[str]
    status: int

    def do_GET(self) -> None:
        self.answer({"schema": json.dumps(local_schema("sample.orders.v1-value", 1))} if self.path == "/schemas/ids/4711" else None)

    def do_POST(self) -> None:
        sent = json.loads(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["schema"])
        known = sent == local_schema("sample.orders.v1-value", 1) and self.path == "/subjects/sample.orders.v1-value"
        self.answer({"id": 4711} if known else None)

    def answer(self, body: dict[str, Any] | None) -> None:
        self.asked.append(self.path)
        text = json.dumps(body or {"error_code": 40403}).encode()
        self.send_response(self.status if self.status != 200 else 200 if body else 404)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def served() -> Iterator[tuple[HttpRegistry, type[_Registry]]]:
    handler = type("Handler", (_Registry,), {"asked": [], "status": 200})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    registry = HttpRegistry(f"http://127.0.0.1:{server.server_port}/")
    yield registry, handler
    registry.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_http_registry(served: tuple[HttpRegistry, type[_Registry]]) -> None:
    registry, handler = served
    codec = Codec(registry)
    value = codec.encode(ORDER)
    assert schema_id_of(value) == 4711
    assert value[FRAMING:] == CODEC.encode(ORDER)[FRAMING:]
    for _ in range(3):
        assert codec.decode("sample.orders.v1", codec.encode(ORDER)) == ORDER
        assert Codec(registry).decode("sample.orders.v1", value) == ORDER
    assert handler.asked == ["/subjects/sample.orders.v1-value", "/schemas/ids/4711"], "each asked once"

    for _ in range(3):
        with pytest.raises(DecodeError, match="4712 is unknown"):
            codec.decode("sample.orders.v1", b"\0\0\0\x12\x68" + value[FRAMING:])
    assert handler.asked.count("/schemas/ids/4712") == 1, "a no is remembered for a second"
    with pytest.raises(UserError, match=r"does not know our schema of logistics\.events\.v1-value"):
        codec.encode(SHIPMENT)
    handler.status = 503
    with pytest.raises(DependencyDown, match=r"^schema-registry: .*503"):
        codec.decode("sample.orders.v1", b"\0\0\0\x12\x69" + value[FRAMING:])


def test_http_registry_that_does_not_answer() -> None:
    registry = HttpRegistry("http://127.0.0.1:1")
    with pytest.raises(DependencyDown, match=r"schema-registry: http.* does not answer"):
        Codec(registry).decode("sample.orders.v1", b"\0\0\0\0\1abc")
    registry.close()
