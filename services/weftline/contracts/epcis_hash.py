"""The CBV 2.0 hash id of an EPCIS event that carries no ``eventID``: the same for every way to write the event.

The package ``epcis-event-hash-generator`` (extra ``epcis``) does the work, one event at a time: it drops an event that it cannot
read from its list, and matches short names against all values of a document, so that an event's id would depend on its neighbours.
Measured with 1.9.3: 2 ms per event, 14 ms with many sensor readings and extensions.
"""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Mapping
from typing import Any

from weftline.contracts import rfc3339
from weftline.contracts.rules import iso
from weftline.errors import ContractError, UserError
from weftline.extras import advice

Json = Mapping[str, Any]

_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
_KNOWN_CONTEXTS = frozenset(
    {
        _CONTEXT,
        "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",  # GS1's address of the current version
        "https://gs1.github.io/EPCIS/epcis-context.jsonld",
    }
)
# The generator keeps the prefixes of a document in a global, so that ids would depend on what was hashed before.
_HASH_LOCK = threading.Lock()


def hash_id(event: Json, context: object) -> str:
    """The CBV 2.0 hash id (``ni:///sha-256;…?ver=CBV2.0``) of one event under the document's JSON-LD ``context``.

    Nothing is fetched: a document comes from outside, and must not make this program call an address that it names. Raises
    :class:`ContractError` when the context or the event cannot be read so.
    """
    try:
        from epcis_event_hash_generator import hash_generator, json_to_py
    except ImportError:
        raise UserError(
            f"an EPCIS event has no eventID, and its CBV hash id needs the extra `epcis`; {advice(['epcis'])}"
        ) from None
    jsonld = json_to_py.jsonld
    body = copy.deepcopy(dict(event))
    time = body.get("eventTime")
    if isinstance(time, str) and (time != time.upper() or ":60" in time) and (found := rfc3339.milliseconds(time)) is not None:
        body["eventTime"] = iso(found)  # the generator reads neither a leap second nor letters in lower case
    prefixes = _prefixes([context, body.pop("@context", None)])
    document = {
        "@context": [_CONTEXT, prefixes] if prefixes else [_CONTEXT],
        "type": "EPCISDocument",
        "epcisBody": {"eventList": [body]},
    }
    silent = logging.NullHandler()
    root = logging.getLogger()
    with _HASH_LOCK:
        root.addHandler(silent)  # the generator logs through functions that install a handler on stderr where there is none
        loader = jsonld.get_document_loader()
        jsonld.set_document_loader(lambda url, options: _load_context(loader, url, options))
        json_to_py._namespaces.clear()
        try:
            hashes = hash_generator.epcis_hashes_from_events(json_to_py.event_list_from_epcis_document_json(document))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, jsonld.JsonLdError) as error:
            raise ContractError("eventID", f"is missing, and no hash id can be made: {type(error).__name__}") from None
        finally:
            jsonld.set_document_loader(loader)
            root.removeHandler(silent)
    if len(hashes) != 1:  # the generator leaves out an event that it cannot read
        raise ContractError("eventID", "is missing, and no hash id can be made")
    return str(hashes[0])


def _load_context(loader: Any, url: str, options: Any) -> Any:
    if url != _CONTEXT:
        raise ValueError(f"context {url} is not fetched")
    return loader(url, options)


def _prefixes(contexts: list[object]) -> dict[str, str]:
    """The vendor prefixes of JSON-LD contexts. Term definitions that are objects only coerce types, which takes no part in
    the hash, and the generator fails on them."""
    found: dict[str, str] = {}
    for context in contexts:
        for part in context if isinstance(context, list) else [context]:
            if isinstance(part, Mapping):
                found.update({name: value for name, value in part.items() if isinstance(value, str) and not name.startswith("@")})
            elif part is not None and part not in _KNOWN_CONTEXTS:
                problem = f"{part!r} is not fetched, and without it no hash id can be made; give the events an eventID"
                raise ContractError("@context", problem)
    return found
