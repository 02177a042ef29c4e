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
    monkeypatch.delenv("WEFTLINE_CLICKHOUSE_PASSWORD", raising=False)
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


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("WEFTLINE_KAFAK", "WEFTLINE_KAFKA"),
        ("WEFTLINE_CLICKHOUSE_PASWORD", "WEFTLINE_CLICKHOUSE_PASSWORD"),
        ("WEFTLINE_TIMEZONE", "WEFTLINE_TIME_ZONE"),
        ("WEFTLINE_PUBLISHER", "WEFTLINE_PUBLISHERS"),
        ("WEFTLINE_DATABASE", "WEFTLINE_CLICKHOUSE_DATABASE"),
        ("WEFTLINE_KAFKA_BOOTSTRAP", "WEFTLINE_KAFKA"),
        ("WEFTLINE_DATA_DIR", "WEFTLINE_DATA"),
        ("WEFTLINE_SECRET", "WEFTLINE_SECRETS"),
        ("WEFTLNE_KAFKA", "WEFTLINE_KAFKA"),
        ("weftline_http_prot", "WEFTLINE_HTTP_PORT"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_nearest_name(name: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(UserError, match=rf"{name.upper()} is no setting; did you mean {meant}\?"):
        load()


def test_every_setting_with_a_letter_lost_doubled_or_swapped_is_told() -> None:
    for field in settings.Settings.model_fields:
        name = f"WEFTLINE_{field.upper()}"
        for place in range(len("WEFTLINE_"), len(name)):
            for wrong in (
                name[:place] + name[place + 1 :],
                name[: place + 1] + name[place:],
                name[:place] + name[place : place + 2][::-1] + name[place + 2 :],
            ):
                known = wrong.removeprefix("WEFTLINE_").lower() in settings.Settings.model_fields
                assert known or settings.misspelt([wrong]), wrong


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEFTLINE_VERSION", "0.1.0"),
        ("WEFTLINE_GS1_EXAMPLES", "/x"),
        ("WEFTLINE_CRASH_SEED", "7"),
        ("WEFTLINE_KAFKAS_SERVICE_HOST", "10.0.0.1"),  # what Kubernetes tells of a service weftline-kafkas
        ("WEFTLINE_KAFKA_PORT_9092_TCP_ADDR", "10.0.0.1"),
        ("WEFTLINE_KAFKA_PORT", "tcp://10.0.0.1:9092"),
        ("KAFKA_HOME", "/x"),
    ],
)
def test_what_is_like_none_of_ours_is_let_be(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    load()


def test_a_misspelt_secret_and_a_line_of_a_file_are_told_too(
    secrets: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secrets / "weftline_kafka_pasword").write_text("x", "utf-8")
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / ".env").write_text("# of the center\nexport WEFTLINE_KAFKAS=kafka:9092\n", "utf-8")
    monkeypatch.chdir(folder)
    with pytest.raises(UserError) as caught:
        load()
    assert "WEFTLINE_KAFKA_PASWORD is no setting; did you mean WEFTLINE_KAFKA_PASSWORD?" in str(caught.value)
    assert "WEFTLINE_KAFKAS is no setting; did you mean WEFTLINE_KAFKA?" in str(caught.value)
