"""Every way to set something, and what is refused."""

from dataclasses import fields
from pathlib import Path

import pytest

from mien.errors import SettingsError
from mien.server.settings import Settings, settings_table

DOCS = Path(__file__).parents[2] / "docs" / "server.md"


def test_flags_win_over_variables_over_the_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "mien.toml"
    file.write_text('port = 1\nreaders = 1\nphoto_queue = 1\nallowed_hosts = ["a.example"]\nkeep_results_s = 5')
    environment = {"MIEN_PORT": "2", "MIEN_READERS": "2", "MIEN_CONFIG": str(file), "MIEN_CACHE": "elsewhere"}
    settings = Settings.load({"port": 3, "host": None}, environment=environment)
    assert (settings.port, settings.readers, settings.photo_queue, settings.video_queue) == (3, 2, 1, 16)
    assert settings.allowed_hosts == ("a.example",)
    assert settings.keep_results_s == 5.0
    assert isinstance(settings.keep_results_s, float)
    assert settings.host == "127.0.0.1"


def test_variables_are_parsed_by_the_type_of_their_setting() -> None:
    environment = {
        "MIEN_ALLOWED_HOSTS": "a.example, b.example",
        "MIEN_CONSENT": "yes",
        "MIEN_READ_TIMEOUT_S": "1.5",
        "MIEN_TOKEN": "x" * 16,
    }
    settings = Settings.load(environment=environment)
    assert settings.allowed_hosts == ("a.example", "b.example")
    assert settings.consent is True
    assert settings.read_timeout_s == 1.5
    assert settings.token == "x" * 16


@pytest.mark.parametrize(
    ("variable", "text", "sentence"),
    [
        ("MIEN_PORT", "many", "MIEN_PORT: expected a whole number, got 'many'"),
        ("MIEN_CONSENT", "perhaps", "MIEN_CONSENT: expected true or false, got 'perhaps'"),
        ("MIEN_READ_TIMEOUT_S", "nan", "read_timeout_s must be 0.1 or more, got nan"),
        ("MIEN_BALANCE", "1.5", "balance must be 1 or less, got 1.5"),
        ("MIEN_TOKEN", "short", "token must be at least 16 ASCII characters"),
        ("MIEN_HOST", "0.0.0.0", "host 0.0.0.0 can be reached by others: set a token"),
        ("MIEN_HOST", "myself.example", "can be reached by others"),
    ],
)
def test_wrong_values_are_refused_with_a_sentence(variable: str, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        Settings.load(environment={variable: text})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("prot = 80", "unknown setting 'prot'"),
        ('port = "80"', "port: expected a whole number, got '80'"),
        ("port = true", "port: expected a whole number, got True"),
        ("allowed_hosts = [1]", "allowed_hosts: expected a list of texts"),
        ("port = ", "expected a TOML file with settings"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "mien.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=sentence) as caught:
        Settings.load(file=file, environment={})
    assert "mien.toml" in str(caught.value)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        Settings.load(file=tmp_path / "absent.toml", environment={})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_alone_needs_no_token(host: str) -> None:
    assert Settings(host=host).token is None


def test_the_documented_table_is_the_settings() -> None:
    assert settings_table() in DOCS.read_text("utf-8"), "copy the output of mien.server.settings.settings_table()"
    assert all(entry.metadata["meaning"].endswith(".") for entry in fields(Settings))
