"""``weftline certificate``: a certificate for trying TLS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command(epilog="Example: `weftline certificate tls --name 192.0.2.7 --name board.example`")
def certificate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where it is put.")],
    name: Annotated[list[str] | None, typer.Option("--name", help="Name or address of the server; also localhost, always.")] = None,
    days: Annotated[int, typer.Option(min=1, max=825, help="It holds for so many days.")] = 90,
) -> None:
    """Make a certificate for trying: for use with partners, take one of an authority that they trust already.

    Clients trust ca.pem; the authority's own key is thrown away, so that nothing else can be signed with it.
    """
    from weftline.runtime.certificates import make

    files = make(folder, name or [], days)
    typer.echo(f"WEFTLINE_TLS_CERTIFICATE={files.certificate}\nWEFTLINE_TLS_KEY={files.key}")
    typer.echo(f"clients trust {files.authority}: curl --cacert, WEFTLINE_KAFKA_CA, WEFTLINE_CLICKHOUSE_CA", err=True)
