"""The one tree of errors. Each class has a stable `code` that every interface returns."""

from __future__ import annotations

from typing import Any


class IngatError(Exception):
    """Root of all errors raised on purpose.

    `code` never changes once released; `message` says what happened, what was kept and what to do;
    `details` holds JSON values for programs.
    """

    code = "error"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


# -- what was asked for is wrong; nothing was changed -----------------------------------------------------------


class InvalidInput(IngatError):
    """A value has the wrong type or is outside its limits."""

    code = "invalid_input"


class InvalidId(InvalidInput):
    """An id holds `..`, a slash, a control character, or is empty or too long."""

    code = "invalid_id"


class InvalidText(InvalidInput):
    """A text holds a lone surrogate or NUL."""

    code = "invalid_text"


class EmptyContent(InvalidInput):
    """A message or memory has no text and no attachment."""

    code = "empty_content"


class ContentTooLong(InvalidInput):
    """A text is longer than its limit (a message: 1 MiB of UTF-8)."""

    code = "content_too_long"


class UnknownRole(InvalidInput):
    """A message role or a user role that does not exist."""

    code = "unknown_role"


class InvalidLimit(InvalidInput):
    """A limit, top_k, offset or budget below its minimum or above its maximum."""

    code = "invalid_limit"


class InvalidSettings(InvalidInput):
    """A setting or policy value that cannot be used."""

    code = "invalid_settings"


class InvalidFile(InvalidInput):
    """A file to import or evaluate that is missing or not in the named format."""

    code = "invalid_file"


# -- the thing is not there, or not in the state that the act needs ------------------------------------------------


class NotFound(IngatError):
    """Nothing with that id belongs to that user."""

    code = "not_found"


class UserNotFound(NotFound):
    """No user has that id or alias."""

    code = "user_not_found"


class SessionNotFound(NotFound):
    """No session has that id."""

    code = "session_not_found"


class MessageNotFound(NotFound):
    """No message has that id."""

    code = "message_not_found"


class MemoryNotFound(NotFound):
    """No memory item has that id."""

    code = "memory_not_found"


class KeyNotFound(NotFound):
    """No access key has that id."""

    code = "key_not_found"


class SnapshotNotFound(NotFound):
    """No snapshot has that id."""

    code = "snapshot_not_found"


class OperationNotFound(NotFound):
    """No operation has that id."""

    code = "operation_not_found"


class ArtifactNotFound(NotFound):
    """No artifact has that id."""

    code = "artifact_not_found"


class BackupNotFound(NotFound):
    """No backup or restore point has that name."""

    code = "backup_not_found"


class JobNotFound(NotFound):
    """The scheduler has no job of that name."""

    code = "job_not_found"


class Conflict(IngatError):
    """The act does not fit the present state; nothing was changed."""

    code = "conflict"


class AliasTaken(Conflict):
    """The alias already names another user."""

    code = "alias_taken"


class SessionExists(Conflict):
    """A session with that id is already there."""

    code = "session_exists"


class SessionClosed(Conflict):
    """The session is closed; it can be read but not written to."""

    code = "session_closed"


class SessionArchived(Conflict):
    """The session is archived; unarchive it first."""

    code = "session_archived"


class ProtectedUser(Conflict):
    """The user is protected from being erased; `force` overrides it."""

    code = "protected_user"


class RestorePointMissing(NotFound):
    """The restore point that an undo needs is no longer there, or is damaged; nothing was changed."""

    code = "restore_point_missing"


class BackupLocked(Conflict):
    """The copy is encrypted, and the passphrase is missing or another one; nothing was changed."""

    code = "backup_locked"


class SecretMissing(Conflict):
    """The key of the ledger of purges is not in the data directory; nothing was changed."""

    code = "secret_missing"


# -- the caller may not do this ------------------------------------------------------------------------------------


class Unauthorized(IngatError):
    """No access key was given, or it is unknown or revoked."""

    code = "unauthorized"


class Forbidden(IngatError):
    """The access key does not allow this."""

    code = "forbidden"


class UserBlocked(Forbidden):
    """The user's role is `blocked`: nothing is stored for them and no context is given."""

    code = "user_blocked"


class HostNotAllowed(IngatError):
    """The request names a host that this server does not answer for."""

    code = "host_not_allowed"


class MethodNotAllowed(IngatError):
    """The address is there, but not for this HTTP method."""

    code = "method_not_allowed"


class RateLimited(IngatError):
    """The access key has used up its requests for now; `details.retry_after_s` says when to come back."""

    code = "rate_limited"


class RequestTooLarge(IngatError):
    """The request body is larger than the server takes."""

    code = "request_too_large"


class RequestTimeout(IngatError):
    """The request took longer than the server allows."""

    code = "request_timeout"


class InternalError(IngatError):
    """The server made a mistake; its log has more under `details.log_id`."""

    code = "internal_error"


# -- the store -----------------------------------------------------------------------------------------------------


class StoreError(IngatError):
    """The store could not do it; the transaction was rolled back as a whole."""

    code = "store_error"


class StoreConflict(StoreError):
    """A row with that key is already there, or a row it refers to is not."""

    code = "store_conflict"


class StoreBusy(StoreError):
    """Another process held the store's lock for longer than `busy_timeout`; try again."""

    code = "store_busy"


class StoreFull(StoreError):
    """The disk or the file-size limit is reached; nothing of this write was kept."""

    code = "store_full"


class StoreReadOnly(StoreError):
    """The store's file or folder cannot be written."""

    code = "store_read_only"


class StoreCorrupt(StoreError):
    """The file is not a database, or it is damaged; it was left as it is."""

    code = "store_corrupt"


class StoreNewer(StoreError):
    """The store was written by a newer version of Ingat; it was left as it is."""

    code = "store_newer"


class StoreUnavailable(StoreError):
    """The store cannot be reached or opened."""

    code = "store_unavailable"


class RestorePointFailed(StoreError):
    """The restore point could not be written or did not read back as it was written; nothing was deleted."""

    code = "restore_point_failed"


class MemoryOff(StoreError):
    """Remembering is switched off by the setting `enabled`; what was kept before can be read."""

    code = "memory_off"


class StoreClosed(StoreError):
    """The store was closed, or `write` was called inside `write`."""

    code = "store_closed"


# -- optional parts -------------------------------------------------------------------------------------------------


class MissingExtra(IngatError):
    """The feature needs an optional dependency; the message says which extra to install."""

    code = "missing_extra"


class HookFailed(IngatError):
    """A function that takes over loaded snapshots raised; `details` say which, and how many took the state over."""

    code = "hook_failed"


class EmbedderUnavailable(IngatError):
    """The embedder could not be loaded or reached; words still work."""

    code = "embedder_unavailable"


class TokenizerUnavailable(IngatError):
    """The exact tokenizer's table could not be read; the heuristic needs none."""

    code = "tokenizer_unavailable"
