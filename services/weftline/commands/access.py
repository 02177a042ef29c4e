"""``weftline access``: users of Kafka and what they may do. For whoever looks after a Kafka that asks for passwords."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from weftline.commands.common import JsonOption, KafkaOption, located, print_json, read_text
from weftline.errors import UserError

app = typer.Typer()
access = typer.Typer(epilog="Examples: `weftline access apply`, `weftline access grant publisher center-7`")
app.add_typer(access, name="access")

UserArgument = Annotated[str, typer.Argument(help="Name of the user.")]

#: Bytes of a password that is made here: more than anybody can try, and short enough to hand over.
PASSWORD_BYTES = 24


@access.callback(invoke_without_command=True)
def _access(ctx: typer.Context) -> None:
    """Kafka's users and what they may do, by the roles of schemas/access.yaml. Needs Kafka's user admin."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@access.command("apply", epilog="Example: `WEFTLINE_KAFKA_USERNAME=admin weftline access apply --passwords deploy/secrets`")
def apply(
    passwords: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the files kafka_<role>_password; else WEFTLINE_SECRETS, else /run/secrets."),
    ] = None,
    kafka: KafkaOption = None,
) -> None:
    """Make the users of Weftline's own programs, give each what its role needs and all users their quotas; again, it changes nothing."""
    from weftline.kafka_admin.access import apply_access
    from weftline.runtime.credentials import credentials
    from weftline.runtime.settings import secrets_folder

    folder = passwords or secrets_folder()
    if folder is None:
        raise UserError("there is no folder of secrets; name it with --passwords or WEFTLINE_SECRETS")
    settings = located(kafka, kafka_user="admin")
    for line in apply_access(settings.kafka, folder, **credentials(settings)) or ["all users may do what their roles say"]:
        typer.echo(line)


@access.command("grant", epilog="Example: `weftline access grant subscriber haimen-office`")
def grant(
    role: Annotated[
        str,
        typer.Argument(help="publisher, subscriber (reads the alerts of all factories), factory (reads its own) or operator."),
    ],
    user: UserArgument,
    password_file: Annotated[
        str | None,
        typer.Option("--password-file", metavar="FILE", help="File with the password (- reads standard input); else one is made."),
    ] = None,
    keep_password: Annotated[bool, typer.Option("--keep-password", help="Only change what the user may do.")] = False,
    kafka: KafkaOption = None,
) -> None:
    """Make a partner's user in a role. A password that was made here is printed once, alone on standard output.

    Kafka cannot divide a topic. Who subscribes reads the alerts of **all** factories, so only whoever may (the cooperative, the
    association) gets this role. Factories use the gateway (`weftline partner`), or the role factory, with a user who is called as the
    factory is: a topic quality.alerts.v1.FACTORY is made, which no other factory may read, and which `weftline notify run` fills for the
    factories under own_topics in its file. Who publishes can name **any** center, unless
    WEFTLINE_PUBLISHERS=bound asks for signatures.
    """
    from weftline.kafka_admin.access import grant as run
    from weftline.runtime.credentials import credentials

    if keep_password:
        password = None
    else:
        password = read_text(password_file).strip() if password_file else secrets.token_urlsafe(PASSWORD_BYTES)
        if not password:
            raise UserError(f"{password_file} is empty; write the password into it")
    settings = located(kafka, kafka_user="admin")
    if role == "subscriber":
        typer.echo(
            f"{user} reads the alerts of all factories; for one factory: the role factory, or `weftline partner add`", err=True
        )
    for line in run(settings.kafka, role, user, password, **credentials(settings)):
        typer.echo(line, err=True)
    if password and not password_file:
        typer.echo(password)


@access.command("revoke", epilog="Example: `weftline access revoke center-7`")
def revoke(user: UserArgument, kafka: KafkaOption = None) -> None:
    """Take a partner's rights and password; what the partner does at this moment is refused from now on."""
    from weftline.kafka_admin.access import revoke as run
    from weftline.runtime.credentials import credentials

    settings = located(kafka, kafka_user="admin")
    for line in run(settings.kafka, user, **credentials(settings)):
        typer.echo(line)


@access.command("list", epilog="Example: `weftline access list --json`")
def show(kafka: KafkaOption = None, as_json: JsonOption = False) -> None:
    """Show all users, what they may do, and how much."""
    from weftline.kafka_admin.access import in_lines, list_access
    from weftline.runtime.credentials import credentials

    settings = located(kafka, kafka_user="admin")
    found = list_access(settings.kafka, **credentials(settings))
    if as_json:
        print_json(found)
        return
    for line in in_lines(found):
        typer.echo(line)
