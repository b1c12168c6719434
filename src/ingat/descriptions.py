"""What is said of the arguments of actions, and their bounds, for schemas and the command line."""

from __future__ import annotations

from typing import Any

from msgspec import Meta

from ingat.core.limits import MAX_BUDGET, MAX_PAGE, MAX_TIME_MS, MAX_TOP_K, MIN_BUDGET
from ingat.core.records import MESSAGE_ROLES
from ingat.core.texts import MAX_CONTENT_BYTES
from ingat.services.memories import MAX_TEXT_BYTES
from ingat.services.recall.recaller import MAX_QUERY_BYTES

_MESSAGE_ROLE = {"enum": list(MESSAGE_ROLES)}

DESCRIPTIONS: dict[str, Any] = {
    "sessions.append.role": Meta(description="user, assistant, system or tool", extra_json_schema=_MESSAGE_ROLE),
    "sessions.append.id": Meta(description="your own id of the message (for imports)"),
    "sessions.create.id": Meta(description="your own id of the session"),
    "users.save.role": Meta(description="client, godfather, admin or blocked, or a role of the settings"),
    "users.list.role": Meta(description="only users of this role"),
    "recall.role": Meta(
        description="only messages of this role: user, assistant, system or tool", extra_json_schema=_MESSAGE_ROLE
    ),
    "search.role": Meta(
        description="only messages of this role: user, assistant, system or tool", extra_json_schema=_MESSAGE_ROLE
    ),
    "snapshots.save.state": Meta(description="the application's state, any JSON object of at most 1 MiB"),
    "snapshots.save.description": Meta(description="what the state is about"),
    "snapshots.save.id": Meta(description="your own id of the snapshot"),
    "snapshots.list.name": Meta(description="only snapshots of this name"),
    "snapshots.list.is_auto": Meta(description="only those saved automatically, or only those by hand"),
    "retention.set.log_retention_days": Meta(description="log entries older than this are pruned"),
    "retention.set.max_log_entries": Meta(description="log entries beyond the newest so many are pruned"),
    "retention.set.session_retention_days": Meta(description="sessions without a message for so long are archived"),
    "retention.set.max_sessions": Meta(
        description="sessions that are not archived; of more, the closed ones used longest ago are"
    ),
    "retention.set.auto_archive_sessions": Meta(description="whether retention archives sessions at all"),
    "retention.set.cleanup_frequency_hours": Meta(description="how often the retention job runs"),
    "retention.set.session_timeout_hours": Meta(description="a session without a message for so long expires"),
    "retention.set.compress_after_days": Meta(
        description="transcripts of sessions archived so long ago are stored compressed"
    ),
    "retention.set.max_auto_snapshots": Meta(description="automatic snapshots that are kept of each user"),
    "retention.set.backup_retention_days": Meta(
        description="restore points older than this are deleted, unless they are among the newest"
    ),
    "retention.set.backup_keep_last": Meta(description="the newest so many restore points are kept, however old"),
    "retention.set.audit_retention_days": Meta(description="how long operations and the audit trail are kept"),
    "user_id": Meta(min_length=1, max_length=256, description="id or alias of the user"),
    "session_id": Meta(min_length=1, max_length=256, description="id of the session"),
    "memory_id": Meta(min_length=1, max_length=256, description="id of the memory"),
    "message_id": Meta(min_length=1, max_length=256, description="id of the message"),
    "key_id": Meta(min_length=1, max_length=256, description="id of the key"),
    "limit": Meta(ge=1, le=MAX_PAGE, description="rows on a page"),
    "recall.top_k": Meta(ge=1, le=MAX_TOP_K, description="lines at the most"),
    "top_k": Meta(ge=0, le=MAX_TOP_K, description="lines at the most"),
    "budget": Meta(ge=MIN_BUDGET, le=MAX_BUDGET, description="tokens at the most, within the role's budget"),
    "since": Meta(ge=0, le=MAX_TIME_MS, description="from this time on, milliseconds UTC"),
    "until": Meta(ge=0, le=MAX_TIME_MS, description="before this time, milliseconds UTC"),
    "as_of": Meta(ge=0, le=MAX_TIME_MS, description="as it was at this time, milliseconds UTC"),
    "at": Meta(ge=0, le=MAX_TIME_MS, description="when it was said, milliseconds UTC (for imports)"),
    "valid_from": Meta(ge=0, le=MAX_TIME_MS, description="since when it holds, milliseconds UTC"),
    "valid_to": Meta(ge=0, le=MAX_TIME_MS, description="until when it held, milliseconds UTC"),
    "before": Meta(ge=0, description="only messages whose seq is below this"),
    "cursor": Meta(description="`next` of the page before"),
    "content": Meta(max_length=MAX_CONTENT_BYTES, description="what was said; 1 MiB of UTF-8 at the most"),
    "context.query": Meta(max_length=MAX_QUERY_BYTES, description="what to look for"),
    "query": Meta(min_length=1, max_length=MAX_QUERY_BYTES, description="what to look for"),
    "words": Meta(min_length=1, max_length=MAX_QUERY_BYTES, description="words that must all be there"),
    "chat.text": Meta(min_length=1, max_length=MAX_CONTENT_BYTES, description="the text"),
    "text": Meta(min_length=1, max_length=MAX_TEXT_BYTES, description="the text"),
    "alias": Meta(min_length=1, max_length=256, description="one more id: a JID, a phone number, a channel's id"),
    "source": Meta(min_length=1, max_length=256, description="the user that becomes part of the other"),
    "target": Meta(min_length=1, max_length=256, description="the user that stays"),
    "channel": Meta(min_length=1, max_length=256, description="where the conversation runs: one active session each"),
    "author": Meta(description="who said it"),
    "attachments": Meta(description="files, pictures and links; their captions are recallable"),
    "metadata": Meta(description="any JSON object; where something is changed, a null removes its key"),
    "flags": Meta(description="JSON object; merged, a null removes its key"),
    "slots": Meta(description="JSON object; merged, a null removes its key"),
    "explain": Meta(description="give the parts of each score and the near misses"),
    "kinds": Meta(description="only lines from these sources"),
    "exclude": Meta(description="ids of messages that are known already"),
    "subject": Meta(description="what the memory is about; a newer value of it closes the older one's validity"),
    "message_ids": Meta(description="the messages that it was learned from"),
    "history": Meta(description="those that have ended, too"),
    "search": Meta(description="part of a text, without regard to case"),
    "sort": Meta(description="what the rows are ordered by"),
    "descending": Meta(description="last first"),
    "protected": Meta(description="protected from being erased"),
    "project_id": Meta(description="your own id of a project"),
    "snapshot_id": Meta(min_length=1, max_length=256, description="id of the snapshot"),
    "other_id": Meta(min_length=1, max_length=256, description="id of the snapshot to compare with"),
    "operation_id": Meta(min_length=1, max_length=256, description="id of the operation"),
    "artifact_id": Meta(min_length=1, max_length=256, description="id of the artifact"),
    "backups.create.reason": Meta(max_length=1_000, description="why; kept with the copy"),
    "backups.show.name": Meta(
        min_length=1, max_length=128, description="name of the backup or restore point; latest: the newest backup"
    ),
    "backups.verify.name": Meta(
        min_length=1, max_length=128, description="name of the backup or restore point; latest: the newest backup"
    ),
    "backups.diff.name": Meta(
        min_length=1, max_length=128, description="name of the backup or restore point; latest: the newest backup"
    ),
    "backups.restore.name": Meta(
        min_length=1, max_length=128, description="name of the backup or restore point; latest: the newest backup"
    ),
    "users": Meta(description="only what is of these users"),
    "sessions": Meta(description="only what is of these sessions"),
    "prefer": Meta(description="which version stays where both have one: current or backup"),
    "audit.list.action": Meta(max_length=64, description="only what was done so, such as erase or purge"),
    "audit.list.actor": Meta(max_length=256, description="only what this one did, such as cli:budi or key:…"),
    "audit.prune.before": Meta(ge=0, le=MAX_TIME_MS, description="entries made before this time, milliseconds UTC"),
    "media_type": Meta(max_length=128, description="what kind of file it is, such as text/csv"),
    "metrics": Meta(description="any JSON object: what was measured of it"),
    "job": Meta(min_length=1, max_length=64, description="name of the job"),
    "dry_run": Meta(description="only say what would be done"),
    "reason": Meta(max_length=1_000, description="why; kept with the operation"),
    "purge.reason": Meta(max_length=1_000, description="why, without naming the person; kept in the ledger"),
    "purge.force": Meta(description="also when the user is protected, or a copy is locked by a lost passphrase"),
    "force": Meta(description="also when the user is protected; needs a reason"),
    "undo.force": Meta(description="also where rows of a protected user would go"),
    "redo.force": Meta(description="also when the user is protected"),
    "level": Meta(description="debug, info, warn or error"),
    "min_level": Meta(description="this level or a graver one"),
    "category": Meta(description="what it is about, such as chat or cleanup"),
    "logs.add.at": Meta(ge=0, le=MAX_TIME_MS, description="when it happened, milliseconds UTC (for imports)"),
    "logs.list.source": Meta(description="which part reported it"),
    "erase.messages.message_ids": Meta(max_length=1_000, description="ids of messages to delete; may be repeated"),
    "erase.everything.reason": Meta(max_length=1_000, description="why; required, and kept with the operation"),
    "erase.everything.force": Meta(description="also when a user is protected"),
    "erase.logs.source": Meta(description="which part reported it"),
    "logs.add.source": Meta(description="which part reports it"),
    "data": Meta(description="any JSON object"),
    "message": Meta(description="what happened"),
    "state": Meta(description="the application's state, any JSON object"),
    "is_auto": Meta(description="saved automatically, not by hand"),
    "snapshot": Meta(description="a snapshot as `export` returned it"),
    "format": Meta(description="json: one object; jsonl: one row a line, to be read piece by piece"),
    "include_logs": Meta(description="log entries, too"),
}
"""What is said of arguments, by action and name or by name alone, in the schema and on the command line."""
