"""States of applications: checked, compared, and as portable JSON that other programs read and write."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, NamedTuple

from ingat.core.dates import iso_time, read_time
from ingat.core.errors import ContentTooLong, InvalidInput
from ingat.core.ids import check_id, new_id
from ingat.core.json import decode_object, encode_object
from ingat.core.records import Json
from ingat.core.snapshots import Change, Snapshot
from ingat.core.texts import MAX_FIELD_BYTES, check_text

MAX_STATE_BYTES = 1 << 20
"""Of a state as JSON."""
MAX_NAME_BYTES = 1_024
MAX_CHANGES = 1_000
"""Changes that a comparison lists; there may be more."""
FORMAT_VERSION = "1.0.0"
"""What an exported snapshot says of its format, as the first program that had this format did."""

_ABSENT = object()
_WORDS = {"state": "state_data", "is_auto": "is_auto_save"}
_DERIVED = frozenset({"size_bytes", "sha256"})
_FIELDS = (
    "id",
    "name",
    "description",
    "created_at",
    "state_data",
    "is_auto_save",
    "version",
    "version_number",
    "user_id",
    "metadata",
)


class Sealed(NamedTuple):
    """A state as it is stored: its JSON text, the size of that and its SHA-256."""

    text: str
    size_bytes: int
    sha256: str

    @property
    def state(self) -> Json:
        """The state, as it will be read back."""
        return decode_object(self.text)


def seal(state: Any) -> Sealed:
    """Return a state as it is stored, or raise InvalidInput, InvalidText or ContentTooLong (above 1 MiB of JSON)."""
    if not isinstance(state, dict):
        raise InvalidInput("The state must be a JSON object. Nothing was saved.", given=type(state).__name__)
    try:
        text = encode_object(state, "values of the state", MAX_STATE_BYTES)
    except ContentTooLong as error:
        size = error.details["size_bytes"]
        raise ContentTooLong(
            f"The state takes {size} bytes as JSON; the limit is {MAX_STATE_BYTES}. Nothing was saved; keep large parts"
            " in files and their paths in the state.",
            **error.details,
        ) from None
    if "null" in text and not _finite(state):
        raise InvalidInput("The state holds a number that is not finite, which JSON cannot say. Nothing was saved.")
    raw = text.encode()
    return Sealed(text, len(raw), hashlib.sha256(raw).hexdigest())


def check_name(name: Any) -> str:
    """Return the name of a snapshot, or raise InvalidInput, InvalidText or ContentTooLong."""
    text = check_text(name, "name of a snapshot", MAX_NAME_BYTES)
    if not text.strip():
        raise InvalidInput("A snapshot needs a name.", field="name")
    return text


def differences(before: Any, after: Any, most: int = MAX_CHANGES) -> tuple[tuple[Change, ...], bool]:
    """Return what changed from one JSON value to another, and whether there is more than `most`.

    Objects are compared by key, lists by place; 1 and 1.0 are equal, 1 and true are not.
    """
    found: list[Change] = []
    for change in _changes(before, after, ""):
        if len(found) == most:
            return tuple(found), True
        found.append(change)
    return tuple(found), False


def _changes(before: Any, after: Any, path: str) -> Iterator[Change]:
    if before is _ABSENT:
        yield Change(path=path, kind="added", after=after)
    elif after is _ABSENT:
        yield Change(path=path, kind="removed", before=before)
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            step = str(key).replace("~", "~0").replace("/", "~1")
            yield from _changes(before.get(key, _ABSENT), after.get(key, _ABSENT), f"{path}/{step}")
    elif isinstance(before, list) and isinstance(after, list):
        for place, (old, new) in enumerate(zip_longest(before, after, fillvalue=_ABSENT)):
            yield from _changes(old, new, f"{path}/{place}")
    elif isinstance(before, bool) is not isinstance(after, bool) or before != after:
        yield Change(path=path, kind="changed", before=before, after=after)


def to_portable(snapshot: Snapshot) -> Json:
    """Return a snapshot as JSON that other programs read: `version` is that of the format, times are ISO 8601 in UTC.

    Descriptions, users and metadata that there are none of are left out.
    """
    portable: Json = {
        "id": snapshot.id,
        "name": snapshot.name,
        "description": snapshot.description,
        "created_at": iso_time(snapshot.created_at),
        "state_data": snapshot.state,
        "is_auto_save": snapshot.is_auto,
        "version": FORMAT_VERSION,
        "version_number": snapshot.version,
        "user_id": snapshot.user_id,
        "metadata": snapshot.metadata or None,
    }
    return {name: value for name, value in portable.items() if value is not None}


def from_portable(given: Any, now: int) -> Snapshot:
    """Return the snapshot that JSON says, checked as a whole; what it does not say is new, or InvalidInput.

    Fields may have the names of our own records too; times may be milliseconds UTC. Fields that there are not are kept
    in the metadata. Sizes and sums are made anew.
    """
    if not isinstance(given, Mapping):
        raise InvalidInput("A snapshot to import must be a JSON object.", given=type(given).__name__)
    fields = {str(_WORDS.get(name, name)): value for name, value in given.items() if name not in _DERIVED}
    if not isinstance(fields.get("state_data"), dict):
        raise InvalidInput(
            "A snapshot to import needs its state: an object under `state_data`. Nothing was imported.",
            field="state_data",
        )
    if "name" not in fields:
        raise InvalidInput("A snapshot to import needs a `name`. Nothing was imported.", field="name")
    is_auto = fields.get("is_auto_save", False)
    if not isinstance(is_auto, bool):
        raise InvalidInput("`is_auto_save` must be true or false. Nothing was imported.", field="is_auto_save")
    description, user_id = fields.get("description"), fields.get("user_id")
    metadata = {} if fields.get("metadata") is None else fields["metadata"]
    encode_object(metadata, "metadata")
    metadata = {**{name: fields[name] for name in fields if name not in _FIELDS}, **metadata}
    sealed = seal(fields["state_data"])
    return Snapshot(
        id=new_id() if fields.get("id") is None else check_id(fields["id"], "snapshot id"),
        user_id=None if user_id is None else check_id(user_id, "user id"),
        name=check_name(fields["name"]),
        version=_version_number(fields),
        description=None if description is None else check_text(description, "description", MAX_FIELD_BYTES),
        is_auto=is_auto,
        size_bytes=sealed.size_bytes,
        sha256=sealed.sha256,
        metadata=decode_object(encode_object(metadata, "metadata")),
        created_at=read_time(fields.get("created_at"), "created_at", now),
        state=sealed.state,
    )


def _version_number(fields: Json) -> int:
    """Return the number that a snapshot had; 1 when it does not say."""
    number, form = fields.get("version_number"), fields.get("version")
    if number is None:
        number = form if isinstance(form, int) else 1
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= 2**53:
        raise InvalidInput("The version of a snapshot counts from 1. Nothing was imported.", field="version_number")
    if isinstance(form, str) and form.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise InvalidInput(
            f"The snapshot has the format version {form[:64]!r}; this program reads {FORMAT_VERSION}."
            " Nothing was imported.",
            field="version",
        )
    return number


def _finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(_finite(each) for each in value.values())
    return not isinstance(value, list | tuple) or all(_finite(each) for each in value)
