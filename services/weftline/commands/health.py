"""``weftline health``: is the program of this container ready? For images that have no curl."""

from __future__ import annotations

from typing import Annotated

import typer

from weftline.commands.common import fail

app = typer.Typer()


@app.command(epilog="Example: `WEFTLINE_HTTP_PORT=9464 weftline health`")
def health(
    url: Annotated[
        str | None,
        typer.Argument(metavar="[URL]", help="What to ask; else /readyz on this machine at WEFTLINE_HTTP_PORT."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=60, help="How long to wait for an answer.")] = 3.0,
) -> None:
    """Ask a program of Weftline whether it is ready. Ends with status 0 if it is, else says why not and ends with 1."""
    import httpx

    from weftline.runtime.settings import load

    if url is None:
        port = load().http_port
        if port == 0:
            fail("WEFTLINE_HTTP_PORT is not set; set it to the port of the program, or give the URL of its /readyz", 2)
        url = f"http://127.0.0.1:{port}/readyz"
    try:
        # A proxy of the environment has no business with an address of this very machine.
        answer = httpx.get(url, timeout=seconds, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        fail(f"{url} does not answer ({error}); is the program running, and is this its port?")
    if answer.status_code != httpx.codes.OK:
        fail(f"{url} answers {answer.status_code}: {' '.join(answer.text.split())[:300]}")
