"""Settings come from arguments, the environment, a file and the defaults, in this order."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import msgspec.structs
import pytest

from ingat.core.errors import InvalidSettings
from ingat.core.policy import RecallPolicy
from ingat.core.settings import Settings, data_directory, read_settings, variables_for


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)


def named(path: Path, text: str) -> dict[str, str]:
    path.write_text(text, encoding="utf-8")
    return {"INGAT_CONFIG": str(path)}


def test_without_anything_the_defaults_hold() -> None:
    assert read_settings(environment={}) == Settings()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    environment = named(tmp_path / "a.toml", 'port = 9000\nhost = "0.0.0.0"') | {"INGAT_PORT": "9001"}
    settings = read_settings(environment=environment)

    assert (settings.port, settings.host) == (9001, "0.0.0.0")


def test_arguments_win_over_the_environment() -> None:
    assert read_settings({"port": 9002}, {"INGAT_PORT": "9001"}).port == 9002


def test_an_argument_that_was_not_given_changes_nothing() -> None:
    assert read_settings({"port": None}, {"INGAT_PORT": "9001"}).port == 9001


def test_the_working_folders_file_is_read_unasked(tmp_path: Path) -> None:
    (tmp_path / "ingat.toml").write_text('store = "sqlite:///here.db"', encoding="utf-8")

    assert read_settings(environment={}).store == "sqlite:///here.db"


def test_a_json_file_is_read_too(tmp_path: Path) -> None:
    environment = named(tmp_path / "a.json", '{"port": 9000, "recall": {"top_k": 9}, "role_budgets": {"vip": 900}}')
    settings = read_settings(environment=environment)

    assert (settings.port, settings.recall.top_k, settings.role_budgets) == (9000, 9, {"vip": 900})


def test_a_table_of_a_toml_file_sets_the_recall_policy(tmp_path: Path) -> None:
    environment = named(tmp_path / "a.toml", "[recall]\ntop_k = 9\n[role_budgets]\nclient = 8000")
    settings = read_settings(environment=environment)

    assert settings.recall == RecallPolicy(top_k=9)
    assert settings.role_budgets == {"client": 8000}


def test_variables_that_hold_tables_are_json_and_lists_have_commas() -> None:
    settings = read_settings(
        environment={
            "INGAT_ROLE_BUDGETS": '{"client": 500}',
            "INGAT_RECALL": '{"top_k": 3}',
            "INGAT_ALLOWED_HOSTS": "bot.example.org, *",
            "INGAT_ALLOWED_ORIGINS": "https://bot.example.org,http://localhost:5665",
        }
    )

    assert (settings.role_budgets, settings.recall.top_k) == ({"client": 500}, 3)
    assert settings.allowed_hosts == ("bot.example.org", "*")
    assert settings.allowed_origins == ("https://bot.example.org", "http://localhost:5665")


@pytest.mark.parametrize("origin", ["*", "http://[::1]:3000", "tauri://localhost", "https://a-b.example.org:8443"])
def test_origins_are_taken_as_browsers_send_them(origin: str) -> None:
    assert Settings(allowed_origins=(origin,)).allowed_origins == (origin,)


@pytest.mark.parametrize(
    "origin", ["", "example.org", "https://example.org/", "https://Example.org", "https://a b", "null"]
)
def test_what_no_browser_sends_as_an_origin_is_refused(origin: str) -> None:
    with pytest.raises(InvalidSettings, match="allowed_origins must hold origins"):
        Settings(allowed_origins=(origin,))


def test_other_variables_are_nobodys_business() -> None:
    assert read_settings(environment={"INGAT_FUTURE": "1", "PORT": "1"}) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "70000"),
        ("PORT", "-1"),
        ("SYNCHRONOUS", "sometimes"),
        ("REQUEST_TIMEOUT_S", "nan"),
        ("REQUEST_TIMEOUT_S", "0"),
        ("BUSY_TIMEOUT_MS", "-1"),
        ("MAX_REQUEST_BYTES", "1"),
        ("RATE_LIMIT_PER_MINUTE", "-1"),
        ("ROLE_BUDGETS", "{"),
        ("ROLE_BUDGETS", '{"client": 1}'),
        ("ROLE_BUDGETS", "[]"),
        ("RECALL", '{"top_k": 0}'),
        ("RECALL", '{"top_k": "many"}'),
        ("RECALL", '{"topk": 1}'),
        ("RECALL", "[]"),
        ("LANG", "fr"),
        ("LANG", ""),
    ],
)
def test_a_variable_that_cannot_be_used_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        read_settings(environment={f"INGAT_{name}": value})

    assert caught.value.code == "invalid_settings"
    assert f"INGAT_{name}" in caught.value.message


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("INGAT_PORT", "abc", "INGAT_PORT must be a whole number; it is 'abc'."),
        ("INGAT_PORT", "70000", "INGAT_PORT must be from 0 to 65535; it is 70000."),
        ("INGAT_REQUEST_TIMEOUT_S", "long", "INGAT_REQUEST_TIMEOUT_S must be a number; it is 'long'."),
        ("INGAT_SYNCHRONOUS", "OFF", "INGAT_SYNCHRONOUS must be NORMAL or FULL; it is 'OFF'."),
        ("INGAT_LANG", "fr", "INGAT_LANG must be en or id, or a locale of these such as id_ID.UTF-8; it is 'fr'."),
        ("INGAT_RECALL", '{"top_k": "many"}', "INGAT_RECALL: recall.top_k must be a whole number; it is 'many'."),
        (
            "INGAT_ROLE_BUDGETS",
            '{"client": "many"}',
            "INGAT_ROLE_BUDGETS must be a table of whole numbers; it is {'client': 'many'}.",
        ),
    ],
)
def test_the_variable_is_named_with_what_it_must_be_and_what_it_is(variable: str, value: str, message: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        read_settings(environment={variable: value})

    assert caught.value.message == message


@pytest.mark.parametrize("variable", ["INGAT_RECALL", "INGAT_ROLE_BUDGETS"])
def test_a_variable_that_is_no_json_is_named(variable: str) -> None:
    with pytest.raises(InvalidSettings, match=f"{variable} must be a JSON object"):
        read_settings(environment={variable: "{"})


def test_an_unknown_key_of_a_table_is_told_which_are_known() -> None:
    with pytest.raises(InvalidSettings, match=r"INGAT_RECALL: recall has no key 'topk'; known: top_k, context_top_k, "):
        read_settings(environment={"INGAT_RECALL": '{"topk": 1}'})


@pytest.mark.parametrize("lang", ["id", "en", "id_ID.UTF-8", "en-GB", "ID"])
def test_a_language_may_be_named_by_a_locale(lang: str) -> None:
    assert read_settings(environment={"INGAT_LANG": lang}).lang == lang


@pytest.mark.parametrize("key", msgspec.structs.fields(Settings), ids=lambda field: field.name)
def test_every_setting_says_what_it_must_be(tmp_path: Path, key: msgspec.structs.FieldInfo) -> None:
    with pytest.raises(InvalidSettings, match=f"{key.name} in .* must be .*; it is "):
        read_settings(environment=named(tmp_path / "a.json", json.dumps({key.name: [["wrong"]]})))


def test_settings_made_by_hand_are_checked_too() -> None:
    with pytest.raises(InvalidSettings, match="lang must be en or id"):
        Settings(lang="fr")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.toml", "port = "),
        ("a.toml", "prot = 9000"),
        ("a.toml", 'port = "x"'),
        ("a.json", "{"),
        ("a.json", "[1]"),
        ("a.json", '{"recall": {"top_k": -1}}'),
        ("a.toml", "[recall]\ntopk = 1"),
        ("a.toml", 'lang = "fr"'),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_its_name(tmp_path: Path, file: str, text: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        read_settings(environment=named(tmp_path / file, text))

    assert str(tmp_path / file) in caught.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 9000", "has no setting for the key 'prot'; known: store, data, "),
        ('port = "x"', "port in {file} must be a whole number; it is 'x'."),
        ("port = 70000", "port in {file} must be from 0 to 65535; it is 70000."),
        ("[recall]\ntop_k = 0", "recall in {file}: recall.top_k must be a whole number from 1 to 1000; it is 0."),
        ("[recall]\ntopk = 1", "recall in {file}: recall has no key 'topk'"),
    ],
)
def test_the_key_of_the_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        read_settings(environment=named(tmp_path / "a.toml", text))

    assert said.format(file=tmp_path / "a.toml") in caught.value.message


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InvalidSettings):
        read_settings(environment={"INGAT_CONFIG": str(tmp_path / "a.toml")})


def test_a_named_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings) as caught:
        read_settings(environment={"INGAT_CONFIG": str(tmp_path / "gone.toml")})

    assert "gone.toml" in caught.value.message


@pytest.mark.parametrize(
    ("store", "data", "folder"),
    [
        ("sqlite:///bot.db", None, Path("bot.db.data")),
        ("sqlite:////var/lib/bot.db", None, Path("/var/lib/bot.db.data")),
        ("sqlite:///bot.db", "kept", Path("kept")),
        (":memory:", None, None),
        ("sqlite://", None, None),
        ("sqlite:///:memory:", None, None),
    ],
)
def test_the_data_folder_stands_beside_the_store(store: str, data: str | None, folder: Path | None) -> None:
    assert data_directory(store, data) == folder


def test_a_database_has_its_data_in_the_home_of_the_login_from_wherever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("PGHOST", "PGPORT", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    own = data_directory("postgresql://ann:geheim@host/db", None)
    monkeypatch.chdir(tmp_path)

    assert own == data_directory("postgres://host/db", None) == tmp_path / "home/.local/share/ingat/host/db.ingat"
    assert data_directory("postgresql://host/db?schema=other", None) != own
    assert data_directory("postgresql://host/db", "kept") == Path("kept")


def test_the_folder_of_a_logins_data_may_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_directory("postgresql://host/db", None) == tmp_path / "ingat/host/db.ingat"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_directory("postgresql://host/db", None) == tmp_path / ".local/share/ingat/host/db.ingat"


@pytest.mark.parametrize("store", ["sqlite:///bot.db", "postgresql://host/db"])
def test_a_url_is_no_data_directory(store: str) -> None:
    with pytest.raises(InvalidSettings, match="URL"):
        data_directory(store, "s3://bucket/folder")
    with pytest.raises(InvalidSettings) as caught:
        read_settings({"store": store}, {"INGAT_DATA": "memory://folder"})
    assert "INGAT_DATA" in caught.value.message


@pytest.mark.parametrize("below", ["", "/folder"])
def test_a_file_is_no_data_directory(tmp_path: Path, below: str) -> None:
    (tmp_path / "notes").write_text("a file")
    with pytest.raises(InvalidSettings, match=r"^INGAT_DATA.*notes' is a file, not a folder\. Name a folder"):
        read_settings({}, {"INGAT_DATA": f"{tmp_path}/notes{below}"})
    with pytest.raises(InvalidSettings, match=r"notes' is a file, not a folder"):
        data_directory("sqlite:///bot.db", f"{tmp_path}/notes{below}")


def test_a_file_where_the_usual_data_directory_would_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "bot.db.data").write_text("a file")
    with pytest.raises(InvalidSettings, match=r"bot\.db\.data' is a file, not a folder"):
        data_directory(f"sqlite:///{tmp_path}/bot.db", None)


def test_the_password_of_a_store_is_in_no_representation() -> None:
    settings = read_settings(environment={"INGAT_STORE": "postgresql://ann:geheim@host/db"})

    assert "geheim" not in repr(settings) + str(settings.__rich_repr__())
    assert "postgresql://ann@host/db" in repr(settings)


def test_a_process_is_given_a_store_by_its_environment_only_when_it_has_a_password() -> None:
    with_one = "postgresql://ann:geheim@host/db"

    assert (variables_for(with_one) or {})["INGAT_STORE"] == with_one
    assert variables_for("postgresql://ann@host/db") is None
    assert variables_for(None) is None


# -- the passphrase of backups -----------------------------------------------------------------------------------------

SECRET = "correct horse battery staple"


def test_the_passphrase_is_in_no_representation() -> None:
    from_variable = read_settings(environment={"INGAT_BACKUP_PASSPHRASE": SECRET})

    assert from_variable.passphrase() == SECRET
    assert SECRET not in repr(from_variable)
    assert SECRET not in str(from_variable.__rich_repr__())
    assert "backup_passphrase='***'" in repr(from_variable)
    assert "backup_passphrase=None" in repr(Settings())


def test_a_passphrase_that_cannot_be_is_refused_without_telling_it(tmp_path: Path) -> None:
    file = named(tmp_path / "a.json", json.dumps({"backup_passphrase": [SECRET]}))
    with pytest.raises(InvalidSettings, match="backup_passphrase in .* must be a text") as caught:
        read_settings(environment=file)

    assert SECRET not in str(caught.value)


def test_an_empty_passphrase_is_refused() -> None:
    with pytest.raises(InvalidSettings, match="INGAT_BACKUP_PASSPHRASE must not be empty"):
        read_settings(environment={"INGAT_BACKUP_PASSPHRASE": ""})


def test_two_passphrases_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="are both set") as caught:
        read_settings(environment={"INGAT_BACKUP_PASSPHRASE": SECRET, "INGAT_BACKUP_PASSPHRASE_FILE": str(tmp_path)})

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("text", [SECRET, SECRET + "\n", SECRET + "\r\n", SECRET + "\nsecond line\n"])
def test_a_passphrase_is_the_first_line_of_its_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(text.encode())

    assert read_settings(environment={"INGAT_BACKUP_PASSPHRASE_FILE": str(file)}).passphrase() == SECRET


@pytest.mark.parametrize(
    "raw", [None, b"", b"\n", b"x" * 2_000, b"\xff\xfe"], ids=["gone", "empty", "blank", "long", "bytes"]
)
def test_a_passphrase_file_without_one_is_refused(tmp_path: Path, raw: bytes | None) -> None:
    file = tmp_path / "passphrase"
    if raw is not None:
        file.write_bytes(raw)

    with pytest.raises(InvalidSettings, match="backup_passphrase_file"):
        read_settings(environment={"INGAT_BACKUP_PASSPHRASE_FILE": str(file)}).passphrase()
