"""Who may do what on Kafka, and how much: the roles in ``schemas/access.yaml``, and making a broker's users, ACLs and quotas agree.

The broker must refuse what no ACL allows (``authorizer.class.name``), else all of this means nothing; a broker without an authorizer
is refused in turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from kafka.errors import NoError, SecurityDisabledError

from weftline.contracts.paths import schemas_root
from weftline.contracts.topics import load_topics, own_topic
from weftline.contracts.yaml_reading import read_yaml
from weftline.errors import UserError
from weftline.kafka_admin import quotas
from weftline.kafka_admin.access_file import OWN, AccessFile, RoleEntry
from weftline.kafka_admin.client import open_admin
from weftline.kafka_admin.quotas import Quota
from weftline.kafka_admin.topics import apply_topics

TIMEOUT_SECONDS = 30.0
#: Users that the broker makes when its storage is formatted; they may do everything (super.users).
BUILT_IN = ("admin", "broker")

_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ANYWHERE = "*"


class Right(NamedTuple):
    """One thing that a user may do. ``resource`` is ``topic`` or ``group``; a ``name`` that ends in * stands for all that begin so."""

    resource: str
    name: str
    operation: str

    def __str__(self) -> str:
        return f"{self.operation} {self.resource} {self.name}"


@dataclass(frozen=True, slots=True)
class Role:
    """One entry of the list; ``rights`` still have ``{user}`` in their names. ``quota``: empty for one without limits."""

    name: str
    doc: str
    program: bool
    rights: tuple[Right, ...]
    quota: Quota

    @property
    def has_own_topic(self) -> bool:
        """Whether each of its users has a topic of its own."""
        return any(right.resource == "topic" and right.name.endswith(OWN) for right in self.rights)

    def rights_of(self, user: str) -> frozenset[Right]:
        """What ``user`` may do in this role."""
        return frozenset(right._replace(name=right.name.replace("{user}", user)) for right in self.rights)


def load_roles(path: Path | None = None) -> dict[str, Role]:
    """The roles by name; :class:`UserError` lists every fault of the file."""
    listed = read_yaml(path or schemas_root() / "access.yaml", AccessFile, context={"topics": load_topics()}).roles
    return {name: _role(name, entry) for name, entry in listed.items()}


def _role(name: str, entry: RoleEntry) -> Role:
    rights = tuple(
        Right(resource, on, operation)
        for resource, part in (("topic", entry.topics), ("group", entry.groups))
        for on, operations in part.items()
        for operation in operations
    )
    return Role(name, entry.doc, entry.program, rights, entry.quota)


def apply_access(kafka: str, passwords: Path, *, roles: Mapping[str, Role] | None = None, **client: Any) -> list[str]:
    """Make the users of Weftline's programs, their rights and everybody's quotas what the list says; in lines what was changed.

    A partner who has the rights of a role gets the quota of that role, so that a changed figure reaches who was there before.
    ``passwords``: the folder of the files ``kafka_<role>_password``. A password is set at every call, for a broker does not tell which
    one it has. ``client``: options of kafka-python's admin client, such as credentials. Raises :class:`UserError` for a password that
    is missing and for what the broker refuses, :class:`~weftline.errors.DependencyDown` when it does not answer.
    """
    listed = load_roles() if roles is None else roles
    programs = [role for role in listed.values() if role.program]
    secrets = {role.name: _password(passwords / f"kafka_{role.name}_password") for role in programs}
    with open_admin(kafka, TIMEOUT_SECONDS, client) as admin:
        known = admin.describe_user_scram_credentials()
        lines = [f"made user {role.name}: {role.doc}" for role in programs if role.name not in known]
        found = {role.name: _rights(admin, role.name) for role in programs}
        _set_passwords(admin, kafka, secrets)
        for role in programs:
            lines += _agree(admin, kafka, role.name, role.rights_of(role.name), found[role.name])
        limits = quotas.quotas_of_users(admin)
        for user, role in _roles_of(listed, _all_rights(admin), programs).items():
            lines += quotas.agree(admin, kafka, user, role.quota, limits.get(user, {}))
    return lines


def set_admin(kafka: str, user: str, password: str, **client: Any) -> None:
    """Give the user who may do everything a password: where the storage was formatted without him. Raises as :func:`apply_access`."""
    with open_admin(kafka, TIMEOUT_SECONDS, client) as admin:
        _set_passwords(admin, kafka, {user: password})


def _roles_of(roles: Mapping[str, Role], rights: Mapping[str, set[Right]], programs: Iterable[Role]) -> dict[str, Role]:
    """The role of each user: of a program its own, of a partner the one whose rights he has. Who has others is left alone."""
    partners = [role for role in roles.values() if not role.program]
    found = {user: role for user, own in rights.items() for role in partners if role.rights_of(user) == own}
    return found | {role.name: role for role in programs}


def grant(kafka: str, role: str, user: str, password: str | None, **client: Any) -> list[str]:
    """Make ``user`` a partner in ``role``, with this password, or (None) leave the one that he has. Raises as :func:`apply_access`."""
    roles = load_roles()
    partners = [name for name, found in roles.items() if not found.program]
    if role not in partners:
        raise UserError(f"{role} is no role of partners; there are {', '.join(partners)}")
    _check_partner(user, roles)
    with open_admin(kafka, TIMEOUT_SECONDS, client) as admin:
        found = _rights(admin, user)
        if password is not None:
            _set_passwords(admin, kafka, {user: password})
        elif user not in admin.describe_user_scram_credentials():
            raise UserError(f"there is no user {user} on {kafka} yet, so a password is needed")
        lines = quotas.agree(admin, kafka, user, roles[role].quota, quotas.quotas_of_users(admin).get(user, {}))
        lines = _agree(admin, kafka, user, roles[role].rights_of(user), found) + lines
    if roles[role].has_own_topic:
        topic = own_topic(user)
        # As many replicas as the broker makes by default: those of the alerts are not known here.
        lines += apply_topics(kafka, topics={topic.name: topic}, replication_factor=-1, **client)
    return lines


def revoke(kafka: str, user: str, **client: Any) -> list[str]:
    """Take a partner's rights, which ends what he does at once, and his password. Raises :class:`UserError` if there is no such user."""
    _check_partner(user, load_roles())
    with open_admin(kafka, TIMEOUT_SECONDS, client) as admin:
        found = _rights(admin, user)
        known = user in admin.describe_user_scram_credentials()
        if not known and not found:
            raise UserError(f"there is no user {user} on {kafka}; `weftline access list` shows all")
        lines = _agree(admin, kafka, user, frozenset(), found)
        lines += quotas.agree(admin, kafka, user, {}, quotas.quotas_of_users(admin).get(user, {}))
        if known:
            _check(kafka, admin.alter_user_scram_credentials([UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_512)]))
        return lines


def list_access(kafka: str, **client: Any) -> dict[str, list[str]]:
    """Every user with what he may do, and how much of it, in order."""
    with open_admin(kafka, TIMEOUT_SECONDS, client) as admin:
        users: dict[str, set[Right]] = {user: set() for user in admin.describe_user_scram_credentials()} | _all_rights(admin)
        limits = quotas.quotas_of_users(admin)
    return {
        user: [
            *(str(right) for right in sorted(users[user])),
            *(f"at most {quotas.shown(name, value)}" for name, value in sorted(limits.get(user, {}).items())),
        ]
        for user in sorted(users)
    }


def _password(path: Path) -> str:
    try:
        text = path.read_text("utf-8").strip()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; deploy/secrets/make.sh makes passwords that are missing") from None
    if not text:
        raise UserError(f"{path} is empty; remove it, and deploy/secrets/make.sh makes a new password")
    return text


def _check_partner(user: str, roles: Mapping[str, Role]) -> None:
    if not _USER.fullmatch(user):
        raise UserError(f"{user!r} is no name of a user: letters, digits, '.', '_' and '-', 64 at most")
    if user in BUILT_IN or (user in roles and roles[user].program):
        raise UserError(f"{user} is a user of Weftline itself; choose another name")


def _set_passwords(admin: KafkaAdminClient, kafka: str, passwords: Mapping[str, str]) -> None:
    _check(
        kafka,
        admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_512, word) for user, word in passwords.items()]
        ),
    )


def _check(kafka: str, answers: Mapping[str, str | None]) -> None:
    refused = [f"  {user}: {reason}" for user, reason in answers.items() if reason is not None]
    if refused:
        raise UserError(f"Kafka at {kafka} refused:\n" + "\n".join(refused))


def _agree(admin: KafkaAdminClient, kafka: str, user: str, wanted: frozenset[Right], found: frozenset[Right]) -> list[str]:
    """Allow what is missing, then forbid what is too much."""
    missing, surplus = sorted(wanted - found), sorted(found - wanted)
    if missing:
        failed = admin.create_acls([_acl(user, right) for right in missing])["failed"]
        if failed:
            raise failed[0]()  # which open_admin puts into words
    if surplus:
        for filter_, _, error in admin.delete_acls([_as_filter(_acl(user, right)) for right in surplus]):
            if error is not NoError:
                raise UserError(f"Kafka at {kafka} refused: {filter_}: {error.__name__}")
    return [f"allowed {user}: {right}" for right in missing] + [f"no longer allowed {user}: {right}" for right in surplus]


def _acl(user: str, right: Right) -> ACL:
    prefixed = right.name.endswith("*")
    kind = ACLResourcePatternType.PREFIXED if prefixed else ACLResourcePatternType.LITERAL
    pattern = ResourcePattern(ResourceType[right.resource.upper()], right.name.removesuffix("*"), kind)
    return ACL(f"User:{user}", _ANYWHERE, ACLOperation[right.operation], ACLPermissionType.ALLOW, pattern)


def _as_filter(acl: ACL) -> ACLFilter:
    on = acl.resource_pattern
    pattern = ResourcePatternFilter(on.resource_type, on.resource_name, on.pattern_type)
    return ACLFilter(acl.principal, acl.host, acl.operation, acl.permission_type, pattern)


def _rights(admin: KafkaAdminClient, user: str) -> frozenset[Right]:
    return frozenset(_all_rights(admin, f"User:{user}").get(user, ()))


def _all_rights(admin: KafkaAdminClient, principal: str | None = None) -> dict[str, set[Right]]:
    """What is allowed on topics and groups, by user; rules that others made for hosts, or to forbid, are left alone."""
    everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    try:
        acls, _ = admin.describe_acls(ACLFilter(principal, None, ACLOperation.ANY, ACLPermissionType.ANY, everything))
    except SecurityDisabledError:
        raise UserError(
            "this Kafka has no authorizer and allows everybody everything; set authorizer.class.name as deploy/kafka/server.properties does"
        ) from None
    rights: dict[str, set[Right]] = {}
    for acl in acls:
        on = acl.resource_pattern
        ours = acl.host == _ANYWHERE and acl.permission_type is ACLPermissionType.ALLOW
        if ours and on.resource_type in (ResourceType.TOPIC, ResourceType.GROUP):
            end = "*" if on.pattern_type is ACLResourcePatternType.PREFIXED else ""
            right = Right(on.resource_type.name.lower(), on.resource_name + end, acl.operation.name)
            rights.setdefault(acl.principal.removeprefix("User:"), set()).add(right)
    return rights


def in_lines(access: Mapping[str, Sequence[str]]) -> list[str]:
    """What :func:`list_access` found, for people."""
    return [
        line
        for user, rights in access.items()
        for line in (user + (" (may do everything)" if user in BUILT_IN else ""), *(f"  {right}" for right in rights))
    ]
