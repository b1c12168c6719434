"""URLs of stores: shown without their passwords, and what of them names a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote, urlencode, urlsplit

from ingat.core.errors import InvalidSettings

POSTGRES = ("postgresql://", "postgres://")
"""What the URL of a store on PostgreSQL begins with."""
SECRET_PARAMETERS = frozenset(
    {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
)
"""Parameters of libpq that nobody is shown."""
DEFAULT_SCHEMA = "ingat"
HINT = "Write postgresql://user:password@host:5432/database, with ?schema=name for another schema than `ingat`."
"""What is said of the URL of a database that cannot be used."""
_NOT_ENCODED = frozenset("@/?")
_USUAL_PORT = "5432"
_LONGEST_NAME = 200
"""A file system takes names of 255 bytes; the rest is for those who copy the folder under another name."""


class DatabaseUrl(NamedTuple):
    """The URL of a database in parts: who and where as they are written, the path, and the parameters, decoded."""

    place: str
    path: str
    parameters: dict[str, str]

    def written(self, parameters: Mapping[str, str]) -> str:
        """Return the URL with these parameters instead."""
        return f"{POSTGRES[0]}{self.place}{self.path}?{urlencode(parameters, quote_via=quote)}"


def is_postgres(url: object) -> bool:
    """Return whether a URL names a PostgreSQL database."""
    return isinstance(url, str) and url.startswith(POSTGRES)


def user_info(url: str) -> str:
    """Return what stands before the host: the user and, after a colon, the password; also where that has `@` in it."""
    rest = url.partition("://")[2]
    before = rest.partition("?")[0]
    if "@" not in before and "/" not in before:
        before = rest  # the question mark is one of the password
    return before.rpartition("@")[0]


def without_password(url: str) -> str:
    """Return the URL of a store as it may be shown: without a password, also where that should have been encoded."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme == "sqlite":
        return url
    info = user_info(url)
    if info:
        user = info.partition(":")[0]
        rest = f"{user}@{rest[len(info) + 1 :]}" if user else rest[len(info) + 1 :]
    place, mark, query = rest.partition("?")
    kept = [each for each in query.split("&") if unquote(each.partition("=")[0]).lower() not in SECRET_PARAMETERS]
    return f"{scheme}://{place}{mark if any(kept) else ''}{'&'.join(kept)}"


def has_password(url: str) -> bool:
    """Return whether a store's URL holds something that may not be shown."""
    return without_password(url) != url


def database_url(url: str) -> DatabaseUrl:
    """Return the parts of the URL of a database; of parameters with one name the last counts, as with libpq.

    Raises InvalidSettings where a password is not encoded, so that its end could be taken for another part.
    """
    if "#" in url or not _NOT_ENCODED.isdisjoint(user_info(url)):
        raise InvalidSettings(
            "The URL of the PostgreSQL database holds a character that must be percent-encoded there, such as @ (%40),"
            f" / (%2F), ? (%3F) or # (%23) in a password. {HINT}"
        )
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidSettings(f"The URL of the PostgreSQL database is not one ({error}). {HINT}") from error
    pairs = (each.partition("=") for each in parts.query.split("&") if each)  # a + is one to libpq
    return DatabaseUrl(parts.netloc, parts.path, {unquote(name): unquote(value) for name, _, value in pairs})


def database_folder(url: str, variables: Mapping[str, str]) -> str:
    """Return a relative path that is another one for each store on PostgreSQL: `HOST:PORT/DATABASE.SCHEMA`.

    What the URL leaves open is taken from the variables of libpq, and before these from the name of a service. Of the
    place of the server only the name counts that it is given, so `localhost` and `127.0.0.1` are two. Raises
    InvalidSettings as `database_url`.
    """
    netloc, path, given = database_url(url)
    place, user = netloc.rpartition("@")[2], netloc.rpartition("@")[0].partition(":")[0]
    service = given.get("service") or variables.get("PGSERVICE")
    host, _, port = place.rpartition(":") if place.rpartition(":")[2].isdigit() else (place, "", "")
    usual = variables.get("PGHOST") or variables.get("PGHOSTADDR") or "localhost"
    host = host or given.get("host") or given.get("hostaddr") or service or usual
    port = port or given.get("port") or variables.get("PGPORT") or _USUAL_PORT
    named = unquote(path.lstrip("/")) or given.get("dbname") or service or variables.get("PGDATABASE")
    database = named or unquote(user) or given.get("user") or variables.get("PGUSER") or "default"
    server = unquote(host).lower() if port == _USUAL_PORT else f"{unquote(host).lower()}:{port}"
    return f"{_name(server)}/{_name(database + '.' + given.get('schema', DEFAULT_SCHEMA))}"


def _name(text: str) -> str:
    """Return a text as the name of a folder; two texts have two names."""
    name = quote(text, safe=":,[]")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    return name if len(name) <= _LONGEST_NAME else hashlib.sha256(text.encode()).hexdigest()
