"""Error codes are a promise to programs: the list only grows."""

from __future__ import annotations

import inspect

from ingat.core import errors

CODES = {
    "alias_taken",
    "artifact_not_found",
    "backup_locked",
    "backup_not_found",
    "conflict",
    "content_too_long",
    "embedder_unavailable",
    "empty_content",
    "error",
    "forbidden",
    "hook_failed",
    "host_not_allowed",
    "internal_error",
    "invalid_file",
    "invalid_id",
    "invalid_input",
    "invalid_limit",
    "invalid_settings",
    "invalid_text",
    "job_not_found",
    "key_not_found",
    "memory_not_found",
    "memory_off",
    "message_not_found",
    "method_not_allowed",
    "missing_extra",
    "not_found",
    "operation_not_found",
    "protected_user",
    "rate_limited",
    "request_timeout",
    "request_too_large",
    "restore_point_failed",
    "restore_point_missing",
    "secret_missing",
    "session_archived",
    "session_closed",
    "session_exists",
    "session_not_found",
    "snapshot_not_found",
    "store_busy",
    "store_closed",
    "store_conflict",
    "store_corrupt",
    "store_error",
    "store_full",
    "store_newer",
    "store_read_only",
    "store_unavailable",
    "tokenizer_unavailable",
    "unauthorized",
    "unknown_role",
    "user_blocked",
    "user_not_found",
}


def _classes() -> list[type[errors.IngatError]]:
    return [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, errors.IngatError)]


def test_no_code_was_lost_or_renamed() -> None:
    assert CODES - {each.code for each in _classes()} == set()


def test_every_code_is_listed_here() -> None:
    assert {each.code for each in _classes()} - CODES == set()


def test_no_two_errors_share_a_code() -> None:
    codes = [each.code for each in _classes()]

    assert len(codes) == len(set(codes))


def test_an_error_tells_its_message_and_details() -> None:
    error = errors.SessionClosed("It is closed.", session_id="s1")

    assert (str(error), error.message, error.code, error.details) == (
        "It is closed.",
        "It is closed.",
        "session_closed",
        {"session_id": "s1"},
    )
