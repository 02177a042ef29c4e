"""``weftline pack``: signed evidence about a member, for a bank or for whoever grants the collective trademark; and how to check it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, NoReturn

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
from weftline.commands.cooperative import CooperativeOption, read
from weftline.commands.partners import publisher_of
from weftline.errors import UserError

if TYPE_CHECKING:
    from weftline.domain.cooperative.events import CooperativeEvent
    from weftline.domain.vocabulary import PackPurpose
    from weftline.packs.making import Made
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

        asked = _Asked(factory, made_for, cooperative, as_of, since)
        _make(PackPurpose(purpose), asked, out, key, source, located(kafka, clickhouse), as_json)

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


class _Asked(NamedTuple):
    factory: str
    made_for: str | None
    cooperative: str | None
    as_of: str | None
    since: str | None


def _make(purpose: PackPurpose, asked: _Asked, out: Path, key: Path, source: str | None, settings: Settings, as_json: bool) -> None:
    from weftline.contracts.signing import SigningKey
    from weftline.domain.cooperative.pack import Order
    from weftline.packs.making import digest, event, make
    from weftline.pages.pack import page
    from weftline.runtime.clock import clock_of
    from weftline.warehouse.client import reader
    from weftline.warehouse.reference import names_of_factories

    private = SigningKey.load(key)
    until = None if asked.as_of is None else milliseconds("--as-of", asked.as_of)
    found = read(settings.clickhouse, asked.cooperative, asked.factory, until)
    (member,) = found.members
    judged = found.judge(member)
    if not judged.history.events:
        raise UserError(f"nothing had happened of {asked.factory} in {member.cooperative_id} then")
    with reader(settings) as server:
        names = names_of_factories(server, judged.as_of)
        now = clock_of(settings.simulated_clock, server.clock())()
    order = Order(
        purpose=purpose,
        cooperative_id=member.cooperative_id,
        factory_id=asked.factory,
        made_at=now,
        made_for=asked.made_for,
        since=None if asked.since is None else milliseconds("--since", asked.since),
        names=names.get(asked.factory),
        publishers_known=settings.publishers == "bound",
    )
    made = make(judged, order, digest((*member.own, *member.inspections), judged.as_of), private, page)
    out.mkdir(parents=True, exist_ok=True)
    told = event(
        made,
        order,
        source or f"urn:weftline:pack:{member.cooperative_id}",
        judged.history.events[-1].center_id,
        judged.rules.utc_offset,
    )
    _publish(settings, told)
    written = [str(_write(out, purpose, asked.factory, made, ending)) for ending in made.files]
    if as_json:
        print_json({"pack_id": made.said.pack_id, "files": written, "event": {"source": told.source, "event_id": told.event_id}})
        return
    for name in written:
        typer.echo(name)


def _publish(settings: Settings, told: CooperativeEvent) -> None:
    from weftline.sdk.methods import Defaults

    with publisher_of(settings, Defaults(), None)() as publisher:
        publisher.publish(told)


def _write(out: Path, purpose: PackPurpose, factory: str, made: Made, ending: str) -> Path:
    safe = re.sub(r"[^\w.-]", "_", factory)
    path = out / f"{purpose.value.lower()}-{safe}-{made.said.pack_id[:8]}.{ending}"
    path.write_bytes(made.files[ending])
    return path


def _checked(file: Path, one: Sound | NotAsSigned) -> dict[str, Any]:
    from weftline.packs.signed import NotAsSigned

    if isinstance(one, NotAsSigned):
        return {"file": str(file), "sound": False, "why": str(one)}
    return {"file": str(file), "sound": True, "form": one.form.name, "sha256": one.sha256, "thumbprint": one.thumbprint, **one.said}


def _sound(file: Path, one: Sound, key: PublicKey) -> str:
    said = ", ".join(f"{name} {value}" for name, value in one.said.items() if value is not None)
    return f"{file}: unchanged, signed with {key.thumbprint}; {said}"
