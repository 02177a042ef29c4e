"""Who may talk to a page or a port of ours through a browser: :func:`refusal`, asked before every request of every HTTP server.

A browser sends requests for any page that its user has open, from inside this machine and with whatever it remembers. Three headers
tell them apart, and no page can forge them:

- ``Host`` is the name under which the browser found us. A page whose own name was made to point here (DNS rebinding) comes with that
  name, so only addresses, names of the loopback and names that the operator has listed are served.
- ``Origin`` is the page that asks. Another port of the same machine is another origin.
- ``Sec-Fetch-Site`` says the same of requests that carry no Origin: ``<img>``, ``<script>``, links. Programs do not send it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from weftline.errors import UserError

#: The variable that lists further names, for messages.
VARIABLE: Final = "WEFTLINE_HTTP_ALLOWED_HOSTS"

#: Sent with everything that we serve: nothing is guessed to be a script or a page, no other page may embed it or look into it.
HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
}


def names(listed: str) -> frozenset[str]:
    """The names in a comma-separated list, without ports. UserError for one that is none."""
    found = frozenset(name.strip().lower() for name in listed.split(",") if name.strip())
    if wrong := sorted(name for name in found if not name.replace("-", "").replace(".", "").replace("_", "").isalnum()):
        raise UserError(
            f"{VARIABLE}: {', '.join(wrong)} is no name of a host; list names without scheme and port, such as board.example"
        )
    return found


def refusal(
    headers: Mapping[str, str], hosts: Iterable[str], allowed: Collection[str] = (), *, pages: bool = False, websocket: bool = False
) -> str | None:
    """Why a request is not served, in one sentence; None if it is. ``headers`` know their names in small letters.

    ``hosts``: all Host headers of the request, of which there must be one. ``allowed``: names beside those of the loopback.
    ``pages``: links from elsewhere may lead here (the request shows a whole page, and nothing else could read it).
    """
    given = list(hosts)
    if len(given) != 1 or not (host := given[0].strip().lower()):
        return "A request needs one Host header"
    name = _name(host)
    if not _is_ours(name, allowed):
        return f"The name {name[:100]!r} is not served here; if it is yours, add it to {VARIABLE}"
    origin = headers.get("origin")
    if origin is not None and origin.strip().lower() not in (f"http://{host}", f"https://{host}"):
        return "Requests from pages of other sites are not served here"
    site = headers.get("sec-fetch-site", "none").strip().lower()
    if site in ("none", "same-origin"):
        return None
    if pages and not websocket and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document":
        return None
    return "Requests from pages of other sites are not served here"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches whoever listens there."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """Without the port."""
    if host.startswith("["):
        return host.partition("]")[0].lstrip("[")
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _is_ours(name: str, allowed: Collection[str]) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name in allowed
    # A rebound name stays a name; who asks for an address has come to that address.
    return True
