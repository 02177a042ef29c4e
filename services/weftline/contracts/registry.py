"""Schemas by id: the files in ``schemas/avro`` by default, or any registry that speaks Confluent's HTTP interface."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import yaml

from weftline.contracts.paths import schemas_root
from weftline.errors import DecodeError, DependencyDown, UserError

if TYPE_CHECKING:
    import httpx

Schema = dict[str, Any]

_TIMEOUT_SECONDS = 5.0
UNKNOWN_SECONDS = 1.0
"""For so long an id that the registry does not know is not asked for again."""

MOST_UNKNOWN = 10_000
"""So many of them are remembered; damaged records bring ids of all kinds."""
_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


class SchemaRegistry(Protocol):
    """Where schemas are looked up.

    ``schema``: the schema of an id; :class:`DecodeError` when no such id exists, :class:`DependencyDown` when nobody can tell now.
    ``latest``: id of a subject's newest version. ``id_of``: id under which exactly ``schema`` is registered for ``subject``.
    Both raise :class:`UserError` when there is none.
    """

    def schema(self, schema_id: int) -> Schema: ...

    def latest(self, subject: str) -> int: ...

    def id_of(self, subject: str, schema: Schema) -> int: ...

    def close(self) -> None: ...


def local_schema(subject: str, version: int, root: Path | None = None) -> Schema:
    """The schema file of one version of a subject, as it stands in ``schemas/avro``."""
    path = (root or schemas_root()) / "avro" / subject / f"v{version}.avsc"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"schema {path} cannot be read: {error.strerror}; install weftline again") from None
    except ValueError as error:
        raise UserError(f"schema {path} is not JSON: {error}") from None
    return dict(found)


class FileRegistry:
    """The schemas under ``root`` (default: :func:`schemas_root`), with the ids of ``avro/ids.yaml``; read once."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or schemas_root()
        path = self._root / "avro" / "ids.yaml"
        try:
            ids = yaml.safe_load(path.read_text(encoding="utf-8"))
            self.ids: dict[int, tuple[str, int]] = {int(key): (str(s), int(n)) for key, (s, n) in ids.items()}
        except OSError as error:
            raise UserError(f"schema ids {path} cannot be read: {error.strerror}; install weftline again") from None
        except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
            raise UserError(f"schema ids {path} must be lines 'id: [subject, version]': {error}") from None
        self._schemas = {key: local_schema(subject, version, self._root) for key, (subject, version) in self.ids.items()}

    def schema(self, schema_id: int) -> Schema:
        try:
            return self._schemas[schema_id]
        except KeyError:
            raise DecodeError("schema_id", f"{schema_id} is not in schemas/avro/ids.yaml") from None

    def latest(self, subject: str) -> int:
        versions = [(version, key) for key, (name, version) in self.ids.items() if name == subject]
        if not versions:
            raise UserError(f"subject {subject} is not in {self._root / 'avro' / 'ids.yaml'}")
        return max(versions)[1]

    def id_of(self, subject: str, schema: Schema) -> int:
        for key, (name, _) in self.ids.items():
            if name == subject and self._schemas[key] == schema:
                return key
        raise UserError(f"a schema of {subject} has no id; add it to {self._root / 'avro' / 'ids.yaml'}")

    def close(self) -> None:
        """Nothing is open."""


class HttpRegistry:
    """A Confluent-compatible registry at ``url``; what was found is kept for ever, since an id never changes its meaning.

    An id that is *not* known is asked for again after a second: it may be registered the next moment, and yet ten thousand records of
    a publisher gone wrong must not be ten thousand questions.
    """

    def __init__(self, url: str, *, client: httpx.Client | None = None) -> None:
        import httpx  # two thirds of the time that importing the codec would take; a publisher with files never needs it

        self.url = url.rstrip("/")
        self._faults = (httpx.HTTPError, httpx.InvalidURL)
        self._client = client or httpx.Client(timeout=_TIMEOUT_SECONDS, headers={"Accept": _MEDIA_TYPE})
        self._schemas: dict[int, Schema] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self._unknown: dict[int, float] = {}  # until when (monotonic seconds) no means no

    def schema(self, schema_id: int) -> Schema:
        if schema_id not in self._schemas:
            answer = None
            if self._unknown.get(schema_id, 0.0) <= time.monotonic():
                answer = self._ask("GET", f"/schemas/ids/{schema_id}")
                if answer is None:
                    if len(self._unknown) >= MOST_UNKNOWN:
                        self._unknown.clear()
                    self._unknown[schema_id] = time.monotonic() + UNKNOWN_SECONDS
            if answer is None:
                raise DecodeError("schema_id", f"{schema_id} is unknown to the schema registry {self.url}")
            if answer.get("schemaType", "AVRO") != "AVRO" or answer.get("references"):
                raise DecodeError("schema_id", f"{schema_id} is no self-contained Avro schema in {self.url}")
            self._schemas[schema_id] = self._parsed(answer)
        return self._schemas[schema_id]

    def latest(self, subject: str) -> int:
        answer = self._ask("GET", f"/subjects/{quote(subject, safe='')}/versions/latest")
        if answer is None:
            raise UserError(f"the schema registry {self.url} has no subject {subject}; register schemas/avro/{subject}")
        return self._number(answer)

    def id_of(self, subject: str, schema: Schema) -> int:
        body = json.dumps(schema, sort_keys=True)
        key = (subject, body)
        if key not in self._ids:
            path, asked = f"/subjects/{quote(subject, safe='')}", {"schema": json.dumps(schema)}
            # Some compare texts (Apicurio until 3.0 at least), and ours is spaced as in no file, unless they are told to compare content.
            answer = self._ask("POST", path, asked) or self._ask("POST", f"{path}?normalize=true", asked)
            if answer is None:
                raise UserError(
                    f"the schema registry {self.url} does not know our schema of {subject}; register all files of "
                    f"schemas/avro/{subject} there, the oldest first"
                )
            self._ids[key] = self._number(answer)
        return self._ids[key]

    def close(self) -> None:
        self._client.close()

    def _ask(self, method: str, path: str, body: dict[str, str] | None = None) -> dict[str, Any] | None:
        """The answer, or none for 404."""
        try:
            response = self._client.request(method, self.url + path, json=body)
        except self._faults as error:
            raise DependencyDown("schema-registry", f"{self.url} does not answer: {error}") from None
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise DependencyDown("schema-registry", f"{self.url}{path} answered {response.status_code}")
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise DependencyDown("schema-registry", f"{self.url}{path} answered something else than a JSON object")
        return answer

    def _parsed(self, answer: dict[str, Any]) -> Schema:
        try:
            schema = json.loads(answer["schema"])
        except (KeyError, TypeError, ValueError):
            schema = None
        if not isinstance(schema, dict):
            raise DecodeError("schema_id", f"belongs to a schema that is no record, in {self.url}")
        return schema

    def _number(self, answer: dict[str, Any]) -> int:
        if not isinstance(answer.get("id"), int):
            raise DependencyDown("schema-registry", f"{self.url} answered without a schema id")
        return int(answer["id"])


def open_registry(url: str | None) -> SchemaRegistry:
    """The registry at ``url``, or the files when there is none."""
    return HttpRegistry(url) if url else FileRegistry()
