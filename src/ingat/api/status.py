"""The HTTP status of each error."""

from __future__ import annotations

from ingat.core import errors
from ingat.core.errors import IngatError

STATUS: dict[type[IngatError], int] = {
    errors.InvalidInput: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.Conflict: 409,
    errors.StoreConflict: 409,
    errors.RequestTooLarge: 413,
    errors.HostNotAllowed: 421,
    errors.RateLimited: 429,
    errors.IngatError: 500,
    errors.MissingExtra: 501,
    errors.StoreBusy: 503,
    errors.StoreReadOnly: 503,
    errors.StoreCorrupt: 503,
    errors.StoreNewer: 503,
    errors.StoreUnavailable: 503,
    errors.MemoryOff: 503,
    errors.RestorePointFailed: 503,
    errors.StoreClosed: 503,
    errors.EmbedderUnavailable: 503,
    errors.TokenizerUnavailable: 503,
    errors.RequestTimeout: 504,
    errors.StoreFull: 507,
}
"""Status by class of error; a class that is not named here has that of the nearest one above it."""

SLOW_CLIENT = 408
"""Status of RequestTimeout when the body had not arrived: nothing was begun."""


def status_of(error: IngatError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, errors.RequestTimeout) and not error.details.get("begun", True):
        return SLOW_CLIENT
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
