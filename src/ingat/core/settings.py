"""Settings from the environment and a TOML or JSON file, read once at an interface."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from ingat.core.errors import InvalidSettings
from ingat.core.i18n import LANGUAGES, names_language
from ingat.core.policy import RecallPolicy
from ingat.core.protection import PROTECTED_FLAGS
from ingat.core.roles import Roles
from ingat.core.urls import database_folder, has_password, is_postgres, without_password

Synchronous = Literal["NORMAL", "FULL"]
LogThreshold = Literal["debug", "info", "warn", "error", "off"]
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9._-]+(:[0-9]{1,5})?|[a-z]+://\[[0-9a-f:.]+\](:[0-9]{1,5})?|\*")
_WHOLE, _NUMBER, _TEXT = "a whole number", "a number", "a text"
_KINDS = {
    "enabled": "true or false",
    "store": _TEXT,
    "data": _TEXT,
    "synchronous": "NORMAL or FULL",
    "busy_timeout_ms": _WHOLE,
    "embedder": _TEXT,
    "tokenizer": _TEXT,
    "lang": _TEXT,
    "log_level": "debug, info, warn, error or off",
    "log_messages": "true or false",
    "host": _TEXT,
    "port": _WHOLE,
    "allowed_hosts": "a list of host names",
    "allowed_origins": "a list of origins such as https://app.example.org",
    "max_request_bytes": _WHOLE,
    "max_import_bytes": _WHOLE,
    "request_timeout_s": _NUMBER,
    "transfer_timeout_s": _NUMBER,
    "rate_limit_per_minute": _WHOLE,
    "scheduler": "true or false",
    "user_hint_bytes": _WHOLE,
    "store_hint_bytes": _WHOLE,
    "protected_flags": "a list of names of flags",
    "role_budgets": "a table of whole numbers",
    "recall": "a table of settings",
    "backup_mirror": _TEXT,
    "backup_passphrase": _TEXT,
    "backup_passphrase_file": _TEXT,
}
"""What each setting must be, for those who gave something else."""
_SECRETS = frozenset({"backup_passphrase"})
_MOST_PASSPHRASE = 1_024


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings. Each is a key of the file; `INGAT_` and the name in capitals is its environment variable."""

    store: str = "sqlite:///ingat.db"
    """Where the memory is kept: `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://…` or `:memory:`."""
    data: str | None = None
    """Data directory; see `data_directory` for the default."""
    synchronous: Synchronous | None = None
    """SQLite's `synchronous`: FULL survives loss of power; by default FULL for the server, else NORMAL. On PostgreSQL
    every write survives it."""
    busy_timeout_ms: int = 5_000
    """How long a write waits for another process; on PostgreSQL also for a server that is gone, at least 5 s."""
    embedder: str = "static"
    """`static` (shipped with the package) or `none` (words only)."""
    tokenizer: str = "heuristic"
    """`heuristic`, or the name of a tiktoken encoding (extra `tokens`)."""
    lang: str | None = None
    """Language of the command line: `en` or `id`; by default that of the locale."""
    log_level: LogThreshold = "info"
    """What the server and the command line write into the log table: this level and graver ones; `off`: nothing."""
    log_messages: bool = False
    """Whether a log entry is written for every message (who spoke, not what was said)."""
    enabled: bool = True
    """Whether anything is remembered; false: every answer rests on what was just said alone, and nothing is written."""
    host: str = "127.0.0.1"
    """Address that the server listens on."""
    port: int = 8081
    """Port that the server listens on."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that requests may name besides `host`, `localhost` and the loopback addresses; `*` allows all."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of pages, such as `https://app.example.org`, that browsers let use the API with a key; `*` means all."""
    max_request_bytes: int = 2 << 20
    """Largest request body."""
    max_import_bytes: int = 1 << 30
    """Largest file that `POST /v1/import` takes, unpacked too."""
    request_timeout_s: float = 30.0
    """Longest time that a request may take."""
    transfer_timeout_s: float = 3_600.0
    """Longest time that an export or import over HTTP may take."""
    rate_limit_per_minute: int = 6_000
    """Requests of one access key in a minute, counted in each process; 0 switches the limit off."""
    user_hint_bytes: int = 10_000_000
    """A user whose texts are larger than this is named in the stats."""
    store_hint_bytes: int = 500_000_000
    """A store whose files are larger than this is told of in the stats."""
    protected_flags: tuple[str, ...] = PROTECTED_FLAGS
    """Flags of a user that protect from being erased while they are set; an empty list: only the mark protects."""
    scheduler: bool = True
    """Whether the server runs the jobs: expiry, retention."""
    role_budgets: dict[str, int] = {}
    """Context budgets of roles in tokens, added to or in place of the defaults."""
    recall: RecallPolicy = RecallPolicy()
    """Defaults of recall and context (a table in the file)."""
    backup_mirror: str | None = None
    """Second place of backups and restore points: a folder, or a URL of fsspec such as `s3://bucket/folder`."""
    backup_passphrase: str | None = None
    """Passphrase that new backups and restore points are encrypted with (extra `encryption`)."""
    backup_passphrase_file: str | None = None
    """File whose first line is that passphrase."""

    @property
    def stored_level(self) -> LogThreshold:
        """What of our own reports goes into the log of the store: nothing when nothing is written."""
        return self.log_level if self.enabled else "off"

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("port", self.port, 0, 65_535),
            ("busy_timeout_ms", self.busy_timeout_ms, 0, 600_000),
            ("max_request_bytes", self.max_request_bytes, 1_024, 1 << 30),
            ("max_import_bytes", self.max_import_bytes, 1_024, 1 << 40),
            ("request_timeout_s", self.request_timeout_s, 0.1, 3_600),
            ("transfer_timeout_s", self.transfer_timeout_s, 0.1, 86_400),
            ("rate_limit_per_minute", self.rate_limit_per_minute, 0, 10**9),
            ("user_hint_bytes", self.user_hint_bytes, 1, 10**15),
            ("store_hint_bytes", self.store_hint_bytes, 1, 10**15),
        ):
            if not low <= value <= high:
                raise InvalidSettings(f"{name} must be from {low} to {high}; it is {value}.")
        for origin in self.allowed_origins:
            if not _ORIGIN.fullmatch(origin):
                raise InvalidSettings(
                    "allowed_origins must hold origins as browsers send them, in small letters and without a path, such"
                    f" as https://app.example.org or http://localhost:5665; it holds {origin!r}."
                )
        if self.lang is not None and not names_language(self.lang):
            known = " or ".join(LANGUAGES)
            raise InvalidSettings(
                f"lang must be {known}, or a locale of these such as id_ID.UTF-8; it is {self.lang!r}."
            )
        if self.backup_passphrase is not None and self.backup_passphrase_file is not None:
            raise InvalidSettings("backup_passphrase and backup_passphrase_file are both set; unset one of them.")
        if self.backup_passphrase == "":
            raise InvalidSettings("backup_passphrase must not be empty; unset it to leave backups unencrypted.")
        if self.data is not None:
            _check_data(self.data)
        Roles(self.role_budgets)

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        shown = {name: getattr(self, name) for name in self.__struct_fields__}
        hidden = {name: "***" for name in _SECRETS if shown[name] is not None}
        return list({**shown, "store": without_password(self.store), **hidden}.items())

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def passphrase(self) -> str | None:
        """Return the passphrase of backups, from its file where one is named; InvalidSettings when that has none."""
        if self.backup_passphrase_file is None:
            return self.backup_passphrase
        try:
            with open(self.backup_passphrase_file, encoding="utf-8") as file:
                line = file.readline(_MOST_PASSPHRASE + 1).rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            raise InvalidSettings(
                f"backup_passphrase_file names {self.backup_passphrase_file!r}, which cannot be read: {why}.",
                setting="backup_passphrase_file",
            ) from None
        if not 0 < len(line) <= _MOST_PASSPHRASE:
            raise InvalidSettings(
                f"The first line of {self.backup_passphrase_file!r}, which backup_passphrase_file names, must have from"
                f" 1 to {_MOST_PASSPHRASE:,} characters.",
                setting="backup_passphrase_file",
            )
        return line


def data_directory(store_url: str, data: str | None) -> Path | None:
    """Return the folder for the files of a store; None for a store in memory. It need not be there.

    It is `data` where that is set, and `<store file>.data` of a store in a file. For a store on PostgreSQL it is
    `ingat/HOST:PORT/DATABASE.SCHEMA`, without the usual port, in the login's data ($XDG_DATA_HOME, ~/.local/share; see
    https://specifications.freedesktop.org/basedir-spec/latest/): the same from whatever folder a command is called,
    and another one for each store. InvalidSettings for a URL as `data`, for one of a database that is none, when the
    login has no home, and when a file is in the way.
    """
    if data:
        return _check_data(data)
    if is_postgres(store_url):
        return _folder(_own_data() / "ingat" / database_folder(store_url, os.environ))
    if store_url.startswith("sqlite:///") and store_url != "sqlite:///:memory:":
        return _folder(Path(store_url.removeprefix("sqlite:///") + ".data"))
    return None


def _check_data(data: str) -> Path:
    if "://" in data or "::" in data:
        raise InvalidSettings(
            "data must be a folder of this machine, which may be a mounted one; it is a URL. Name a folder; the setting"
            " backup_mirror takes URLs.",
            setting="data",
        )
    return _folder(Path(data))


def _folder(path: Path) -> Path:
    """Return the path of a data directory; InvalidSettings when it, or what it would be made in, is a file."""
    there = next((each for each in (path, *path.parents) if os.path.exists(each)), None)
    if there is not None and not os.path.isdir(there):
        where = "is" if there == path else f"cannot be made: {str(there)!r} is"
        told = (
            f"The data directory {str(path)!r} {where} a file, not a folder. Name a folder with INGAT_DATA or `data`."
        )
        raise InvalidSettings(told, setting="data")
    return path


def _own_data() -> Path:
    named = os.environ.get("XDG_DATA_HOME", "")
    if os.path.isabs(named):
        return Path(named)
    try:
        return Path.home() / ".local" / "share"
    except RuntimeError as error:
        raise InvalidSettings(
            "A store on PostgreSQL needs a data directory, and this login has no home for it. Name one with INGAT_DATA"
            " or `data`.",
            setting="data",
        ) from error


def variables_for(store: str | None) -> dict[str, str] | None:
    """Return the environment of a process that is to keep this store, whose password must not stand among its words.

    None: that of this process will do.
    """
    return None if store is None or not has_password(store) else {**os.environ, "INGAT_STORE": store}


def read_settings(overrides: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings: `overrides` win over the environment, which wins over the file, which wins over defaults.

    The file is named by INGAT_CONFIG (TOML or JSON), else `ingat.toml` in the working folder where there is one.
    Raises InvalidSettings with the setting's name and where it came from.
    """
    variables = os.environ if environment is None else environment
    values, file = _read_file(variables.get("INGAT_CONFIG"))
    given = {name: _Given(value, f"{name} in {file}") for name, value in values.items()}
    for field in msgspec.structs.fields(Settings):
        variable = f"INGAT_{field.name.upper()}"
        if variable in variables:
            given[field.name] = _Given(_from_text(field.name, variables[variable]), variable)
    given.update({name: _Given(value, name) for name, value in (overrides or {}).items() if value is not None})
    for name, each in given.items():
        _check(name, each)
    return msgspec.convert({name: each.value for name, each in given.items()}, Settings, strict=False)


class _Given(NamedTuple):
    """A value as it was given, and what to call it: its variable, or its key and file."""

    value: Any
    where: str


def _check(name: str, given: _Given) -> None:
    """Check one setting as if it were the only one, so that what is wrong can be named as whoever gave it knows it."""
    try:
        if name == "recall":
            _check_recall(given.value)
        msgspec.convert({name: given.value}, Settings, strict=False)
    except InvalidSettings as error:
        own = error.message.startswith(f"{name} ") and name != "recall"
        told = error.message.removeprefix(name) if own else f": {error.message}"
        raise InvalidSettings(given.where + told, setting=name) from error
    except msgspec.ValidationError as error:
        told = "; it is not shown" if name in _SECRETS else f"; it is {given.value!r}"
        raise InvalidSettings(
            f"{given.where} must be {_KINDS.get(name, 'a setting that there is')}{told}.", setting=name
        ) from error


def _check_recall(value: Any) -> None:
    if not isinstance(value, dict):
        return
    known = RecallPolicy.__struct_fields__
    for key, number in value.items():
        if key not in known:
            raise InvalidSettings(f"recall has no key {key!r}; known: {', '.join(known)}.")
        try:
            msgspec.convert(number, int, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidSettings(f"recall.{key} must be a whole number; it is {number!r}.") from error


def _read_file(named: str | None) -> tuple[dict[str, Any], Path]:
    path = Path(named or "ingat.toml")
    if not path.is_file():
        if named:
            raise InvalidSettings(f"INGAT_CONFIG names {named!r}, which is not a file.")
        return {}, path
    try:
        raw = path.read_bytes()
        values = msgspec.json.decode(raw) if path.suffix == ".json" else tomllib.loads(raw.decode())
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise InvalidSettings(f"The settings file {path} cannot be read: {error}.") from error
    if not isinstance(values, dict):
        raise InvalidSettings(f"The settings file {path} must hold a table of settings.")
    known = Settings.__struct_fields__
    for key in values:
        if key not in known:
            raise InvalidSettings(
                f"The settings file {path} has no setting for the key {key!r}; known: {', '.join(known)}."
            )
    return values, path


def _from_text(name: str, text: str) -> Any:
    if name in ("role_budgets", "recall"):
        try:
            return msgspec.json.decode(text)
        except msgspec.MsgspecError as error:
            raise InvalidSettings(f"INGAT_{name.upper()} must be a JSON object: {error}.") from error
    if name in ("allowed_hosts", "allowed_origins", "protected_flags"):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text
