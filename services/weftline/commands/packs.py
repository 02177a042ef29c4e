"""``weftline pack``: signed evidence about a member, for a bank or for whoever grants the collective trademark; and how to check it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from weftline.commands.common import (
    ClickHouseOption,
    JsonOption,
    KafkaOption,
    fail,
    located,
    milliseconds,
    print_json,
)
from weftline.commands.cooperative import CooperativeOption

if TYPE_CHECKING:
    from weftline.packs.ordering import Wanted
    from weftline.packs.signed import NotAsSigned, PublicKey, Sound
    from weftline.runtime.settings import Settings

app = typer.Typer()
pack = typer.Typer(
    help="Signed evidence about a member: to make it, and to check it without any server.",
    epilog="Example: `weftline pack verify loan-hm-f-001.html --key cooperative.jwk`",
)
app.add_typer(pack, name="pack")

FactoryArgument = Annotated[str, typer.Argument(metavar="FACTORY", help="The member.")]
OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the page and the JSON.")]
KeyOption = Annotated[Path, typer.Option("--key", metavar="FILE", help="Private key that `weftline pack key` made.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="TIME", help="A moment of the past, such as 2026-05-06T08:00:00+08:00.")
]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Where the period begins; else with the member's first event.")
]
SourceOption = Annotated[
    str | None,
    typer.Option("--source", metavar="URI", help="Who publishes the event of its making; else urn:weftline:pack:COOPERATIVE."),
]


@pack.command(epilog="Example: `weftline pack key cooperative.pem > cooperative.jwk`")
def key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="PEM file of the private key; it stays with the cooperative.")],
    show: Annotated[bool, typer.Option("--show", help="Of a key that is there: print its public part again.")] = False,
) -> None:
    """Make a private key in a new file that its owner alone may read, and print its public part, which a bank checks packs with.

    The thumbprint goes to standard error. Tell it to the bank another way than the file, so that nobody can exchange both.
    """
    from weftline.contracts.signing import SigningKey
    from weftline.packs.signed import public_of

    private = SigningKey.load(file) if show else SigningKey.new()
    if not show:
        private.save(file)
    public = public_of(private)
    print_json(public.jwk)
    typer.echo(f"thumbprint {public.thumbprint}", err=True)


def _maker(purpose: str, about: str, example: str) -> None:
    """A command that makes packs of one purpose; all take the same."""

    def make(
        factory: FactoryArgument,
        out: OutOption,
        key: KeyOption,
        made_for: Annotated[
            str | None, typer.Option("--for", metavar="NAME", help="For whom it is made, such as a bank; it stands on it.")
        ] = None,
        cooperative: CooperativeOption = None,
        as_of: AsOfOption = None,
        since: SinceOption = None,
        source: SourceOption = None,
        kafka: KafkaOption = None,
        clickhouse: ClickHouseOption = None,
        as_json: JsonOption = False,
    ) -> None:
        from weftline.domain.vocabulary import PackPurpose
        from weftline.packs.ordering import Wanted

        wanted = Wanted(
            purpose=PackPurpose(purpose),
            factory_id=factory,
            made_for=made_for,
            cooperative_id=cooperative,
            as_of=None if as_of is None else milliseconds("--as-of", as_of),
            since=None if since is None else milliseconds("--since", since),
            source=source,
        )
        _make(wanted, out, key, located(kafka, clickhouse), as_json)

    make.__doc__ = about
    pack.command(purpose.lower(), epilog=f"Example: `{example}`")(make)


_maker(
    "LOAN",
    """The evidence for a quality loan, as a page to print and as JSON, both signed: tests, credit with every point, certificates, lists.

    Its making is an event of the cooperative, published before the files are written; it changes nothing that stands of the member.
    """,
    "weftline pack loan hm-f-001 --for 'Haimen Bank' --key cooperative.pem --out packs",
)
_maker(
    "TRADEMARK",
    """The same for an application for the collective trademark: its conditions come first, each met or not, and what would cure it.""",
    "weftline pack trademark hm-f-001 --key cooperative.pem --out packs",
)


@pack.command(epilog="Example: `weftline pack verify loan-hm-f-001.html loan-hm-f-001.json --key cooperative.jwk`")
def verify(
    files: Annotated[list[Path], typer.Argument(metavar="FILE …", help="Pages or JSON of packs.")],
    key: Annotated[
        Path, typer.Option("--key", metavar="FILE", help="Public key of the cooperative, as `weftline pack key` prints it.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Check files with the cooperative's public key and nothing else; exit status 1 if a single byte of one is not as it was signed."""
    from weftline.packs.signed import NotAsSigned, PublicKey, check

    public = PublicKey.load(key)
    found: list[tuple[Path, Sound | NotAsSigned]] = []
    for file in files:
        try:
            found.append((file, check(file.read_bytes(), public)))
        except NotAsSigned as error:
            found.append((file, error))
    wrong = [(file, one) for file, one in found if isinstance(one, NotAsSigned)]
    if as_json:
        print_json([_checked(file, one) for file, one in found])
    else:
        for file, one in found:
            if not isinstance(one, NotAsSigned):
                typer.echo(_sound(file, one, public))
    if wrong:
        _refuse(wrong)


def _refuse(wrong: list[tuple[Path, NotAsSigned]]) -> NoReturn:
    for file, one in wrong[:-1]:
        typer.echo(f"weftline: {file} {one}", err=True)
    fail(f"{wrong[-1][0]} {wrong[-1][1]}")


def _make(wanted: Wanted, out: Path, key: Path, settings: Settings, as_json: bool) -> None:
    from weftline.contracts.signing import SigningKey
    from weftline.packs.ordering import hand_out

    handed = hand_out(settings, wanted, SigningKey.load(key), lambda: out.mkdir(parents=True, exist_ok=True))
    written = [out / name for name in handed.files]
    for path, content in zip(written, handed.files.values(), strict=True):
        path.write_bytes(content)
    if as_json:
        told, files = handed.event, [str(path) for path in written]
        print_json(
            {"pack_id": handed.made.said.pack_id, "files": files, "event": {"source": told.source, "event_id": told.event_id}}
        )
        return
    for path in written:
        typer.echo(str(path))


def _checked(file: Path, one: Sound | NotAsSigned) -> dict[str, Any]:
    from weftline.packs.signed import NotAsSigned

    if isinstance(one, NotAsSigned):
        return {"file": str(file), "sound": False, "why": str(one)}
    return {"file": str(file), "sound": True, "form": one.form.name, "sha256": one.sha256, "thumbprint": one.thumbprint, **one.said}


def _sound(file: Path, one: Sound, key: PublicKey) -> str:
    said = ", ".join(f"{name} {value}" for name, value in one.said.items() if value is not None)
    return f"{file}: unchanged, signed with {key.thumbprint}; {said}"
