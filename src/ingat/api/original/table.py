"""The table of the wire format's actions: what each is asked with, what does it, and who may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ingat.action import Action
from ingat.aio import Kind
from ingat.api.original import logs, messages, sessions, snapshots, transfer, upkeep
from ingat.api.original.answers import Answer
from ingat.api.original.asked import Asked, action_of

PATH = "/api/memory"
ALSO = {"clear_log": "clear_logs"}
"""Other names of actions: one that a client of this format sends."""

Do = Callable[..., Answer]


class Call(NamedTuple):
    """One action: the function that does it on threads of a kind, and the rules of access as for every action.

    `heavy` and `alone` mean what they mean in `Action`.
    """

    asked: type[Asked]
    do: Do
    kind: Kind
    access: Action

    @property
    def action(self) -> str:
        """The name of the action."""
        return action_of(self.asked)


def _call(verb: str, asked: type[Asked], do: Do, kind: Kind, scope: str = "user", **more: Any) -> Call:
    access = Action(
        name=action_of(asked),
        kind="read" if verb == "GET" else "write",
        http=f"{verb} {PATH}",
        command="",
        summary=(asked.__doc__ or "").partition("\n")[0],
        scope="store" if scope == "store" else "user",
        **more,
    )
    return Call(asked, do, kind, access)


_READS = (
    _call("GET", upkeep.GetStats, upkeep.get_stats, "long", "store", heavy=True),
    _call("GET", logs.GetLogs, logs.get_logs, "search", "store", heavy=True),
    _call("GET", sessions.GetSessions, sessions.get_sessions, "search", heavy=True),
    _call("GET", sessions.GetSession, sessions.get_session, "read"),
    _call("GET", messages.GetMessages, messages.get_messages, "search", heavy=True),
    _call("GET", messages.SearchMessages, messages.search_messages, "search", heavy=True),
    _call("GET", snapshots.GetSnapshots, snapshots.get_snapshots, "search", heavy=True),
    _call("GET", snapshots.GetSnapshot, snapshots.get_snapshot, "read"),
    _call("GET", snapshots.ExportSnapshot, snapshots.export_snapshot, "read"),
    _call("GET", transfer.ExportAll, transfer.export_all, "long", heavy=True),
    _call("GET", upkeep.GetPolicy, upkeep.get_policy, "read", "store"),
)
_WRITES = (
    _call("POST", logs.AddLog, logs.add_log, "write", "store"),
    _call("POST", logs.ClearLogs, logs.clear_logs, "long", "store", heavy=True),
    _call("POST", sessions.CreateSession, sessions.create_session, "write"),
    _call("POST", sessions.UpdateSession, sessions.update_session, "write"),
    _call("POST", sessions.ArchiveSession, sessions.archive_session, "write"),
    _call("POST", sessions.DeleteSession, sessions.delete_session, "long", "store", heavy=True),
    _call("POST", sessions.SetCurrentSession, sessions.set_current_session, "write"),
    _call("POST", messages.AddMessage, messages.add_message, "write", only=(("role", "user"),)),
    _call("POST", snapshots.SaveSnapshot, snapshots.save_snapshot, "write"),
    _call("POST", snapshots.LoadSnapshot, snapshots.load_snapshot, "long"),
    _call("POST", snapshots.DeleteSnapshot, snapshots.delete_snapshot, "long", heavy=True),
    _call("POST", snapshots.ImportSnapshot, snapshots.import_snapshot, "write"),
    _call("POST", transfer.ImportAll, transfer.import_all, "long", "store", heavy=True),
    _call("POST", upkeep.SetPolicy, upkeep.set_policy, "write", "store"),
    _call("POST", upkeep.StartCleanup, upkeep.start_cleanup, "write", "store"),
    _call("POST", upkeep.StopCleanup, upkeep.stop_cleanup, "write", "store"),
    _call("POST", upkeep.PerformCleanup, upkeep.perform_cleanup, "long", "store", alone=True),
)
_ERASES = (
    _call("DELETE", logs.DeleteLogs, logs.delete_logs, "long", "store", heavy=True),
    _call("DELETE", sessions.DeleteSession, sessions.delete_session, "long", "store", heavy=True),
    _call("DELETE", snapshots.DeleteSnapshot, snapshots.delete_snapshot, "long", heavy=True),
)

CALLS: dict[str, tuple[Call, ...]] = {"GET": _READS, "POST": _WRITES, "DELETE": _ERASES}
"""The actions of each HTTP method."""
