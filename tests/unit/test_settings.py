"""Settings: where a value comes from, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from weftline.errors import UserError
from weftline.runtime import settings
from weftline.runtime.settings import load


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of secrets with one in it, written as ``echo`` writes."""
    monkeypatch.setenv("WEFTLINE_SECRETS", str(tmp_path))
    (tmp_path / "weftline_kafka_password").write_text("from-a-file\n", "utf-8")
    return tmp_path


def password() -> str:
    found = load(kafka_username="orders").kafka_password
    assert found is not None
    return found.get_secret_value()


@pytest.mark.usefixtures("secrets")
def test_a_secret_is_read_from_a_file_without_its_line_end() -> None:
    assert password() == "from-a-file"


@pytest.mark.usefixtures("secrets")
def test_the_environment_wins_over_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFTLINE_KAFKA_PASSWORD", "from-the-environment")
    assert password() == "from-the-environment"


@pytest.mark.usefixtures("secrets")
def test_a_secret_does_not_show() -> None:
    assert "from-a-file" not in repr(load())


def test_the_usual_folder_is_where_containers_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path("/run/secrets") == settings.SECRETS_FOLDER
    monkeypatch.delenv("WEFTLINE_SECRETS", raising=False)
    monkeypatch.setattr(settings, "SECRETS_FOLDER", tmp_path)
    (tmp_path / "weftline_clickhouse_password").write_text("usual", "utf-8")
    assert load().clickhouse_password.get_secret_value() == "usual"
    monkeypatch.setattr(settings, "SECRETS_FOLDER", tmp_path / "none")
    assert load().clickhouse_password.get_secret_value() == ""


def test_a_folder_that_is_named_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFTLINE_SECRETS", str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"WEFTLINE_SECRETS: .*none is no folder; name the one"):
        load()


def test_a_wrong_secret_is_named_like_any_other_setting(secrets: Path) -> None:
    (secrets / "weftline_http_port").write_text("no number", "utf-8")
    with pytest.raises(UserError, match=r"WEFTLINE_HTTP_PORT \(port of the same"):
        load()
