"""The commands that are nothing but an action."""

from __future__ import annotations

from ingat.cli.generated import command_of, group_of
from ingat.cli.language import mark

users = group_of("users", mark("Who the people are."))
sessions = group_of("sessions", mark("Conversations: open, list, close, archive."))
memories = group_of("memories", mark("Facts and notes kept of a user."))
keys = group_of("keys", mark("Access keys of the HTTP server."))
snapshots = group_of("snapshots", mark("Named states of an application: save, load, compare, export."))
jobs = group_of("jobs", mark("What a server does by the clock: expiry, retention."))

recall = command_of("recall")
remember = command_of("remember")
context = command_of("context")
stats = command_of("stats")
