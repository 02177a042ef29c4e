"""The real ClickHouse engine under deploy/clickhouse: ``python -m tests.support.configured_engine FOLDER LAYOUT USER``.

It runs the statements that come on standard input as a JSON list, and prints a JSON list of ``[text, error code]`` (tab-separated rows;
code 0 if it was not refused).

chDB takes a server's config.xml and loads config.d, users.d and what they include, with the engine's own code. It logs in as the user
``default`` alone, so that user is made here anew as a copy of USER: same profile, quota and grants. What stands in for the image is
its own config.xml and users.xml, which have a user, a profile and a quota ``default``.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.support import compose

DEPLOY = compose.ROOT / "deploy" / "clickhouse"
CONFIG = """<clickhouse>
    <user_directories><users_xml><path>{folder}/users.xml</path></users_xml></user_directories>
    <mysql_port>9004</mysql_port>
    <logger><log>server.log</log></logger>
</clickhouse>"""
USERS = """<clickhouse>
    <users><default><password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></default></users>
    <profiles><default/></profiles>
    <quotas><default/></quotas>
</clickhouse>"""


def lay_out(folder: Path, layout: str, user: str | None) -> Path:
    """The files as docker-compose.yml mounts them, with the folder of secrets put in its place; the path of config.xml."""
    shutil.rmtree(folder / "etc", ignore_errors=True)
    etc = folder / "etc"
    (etc / "config.d").mkdir(parents=True)
    (etc / "users.d").mkdir()
    (etc / "config.xml").write_text(CONFIG.format(folder=etc), "utf-8")
    (etc / "users.xml").write_text(USERS, "utf-8")
    service = compose.load(layout)["services"]["clickhouse"]
    for mount in compose.mounts_of(service):
        if mount.target.startswith("/etc/clickhouse-server/"):
            text = (compose.ROOT / mount.source).read_text("utf-8")
            place = etc / mount.target.removeprefix("/etc/clickhouse-server/")
            place.write_text(text.replace(str(compose.SECRETS), str(folder / "secrets")), "utf-8")
    if user is not None:
        (etc / "users.d" / "zz-test.xml").write_text(_as_default(user), "utf-8")
    return etc / "config.xml"


def _as_default(user: str) -> str:
    found = ET.parse(DEPLOY / "users.d" / "weftline.xml").getroot().find(f"users/{user}")
    assert found is not None
    same = copy.deepcopy(found)
    same.tag = "default"
    for password in same.findall("password_sha256_hex"):
        same.remove(password)
    ET.SubElement(same, "password")
    return f"<clickhouse><users>{ET.tostring(same, 'unicode')}</users></clickhouse>"


def main() -> None:
    """See the module."""
    import chdb

    folder, layout, user = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    config = lay_out(folder, layout, None if user == "-" else user)
    engine = chdb.connect(f"{folder / 'data'}?config-file={config}&log-level=fatal")
    answers = []
    for statement in json.load(sys.stdin):
        try:
            answers.append([engine.query(statement, "TSV").bytes().decode(), 0])
        except RuntimeError as error:
            code = re.search(r"Code: (\d+)", str(error))
            answers.append([str(error), int(code[1]) if code else -1])
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
