"""Examples of requests, shown in the OpenAPI document; the tests check them against its schemas."""

from __future__ import annotations

from typing import Any

ID_EXAMPLES = {
    "user_id": "628111",
    "session_id": "06f1k2m3n4p5q6r7s8t9u0v1a2",
    "message_id": "06f1k2m3n4p5q6r7s8t9u0v1a3",
    "memory_id": "06f1k2m3n4p5q6r7s8t9u0v1a4",
    "key_id": "06f1k2m3n4p5q6r7s8t9u0v1a5",
    "alias": "628111@c.us",
    "target": "628111",
    "snapshot_id": "06f1k2m3n4p5q6r7s8t9u0v1a6",
    "other_id": "06f1k2m3n4p5q6r7s8t9u0v1a7",
    "operation_id": "06f1k2m3n4p5q6r7s8t9u0v1a8",
    "job": "retain",
}
"""Examples of what stands in an address."""

EXAMPLES: dict[str, Any] = {
    "sessions.append": {"role": "user", "content": "My air conditioner rattles at night", "author": "Budi"},
    "recall": {"query": "what is wrong with the air conditioner?", "top_k": 5},
    "context": {"session_id": ID_EXAMPLES["session_id"], "query": "what is wrong with it?", "budget": 2000},
    "chat": {"user_id": "628111", "text": "What was wrong with my air conditioner?", "channel": "web"},
    "users.save": {"name": "Budi", "product": "F57A", "slots": {"floor": 3}},
    "POST users.save": {"user_id": "628111", "name": "Budi", "language": "id"},
    "users.alias": {"alias": "628111@c.us"},
    "users.merge": {"source": "web-visitor-17"},
    "users.protect": {"protected": True},
    "search": {"words": "air conditioner", "sort": "newest"},
    "sessions.create": {"user_id": "628111", "name": "Repair of the F57A", "channel": "email:4711"},
    "sessions.open": {"user_id": "628111", "channel": "whatsapp:628111@c.us"},
    "sessions.update": {"name": "Repair, second visit"},
    "remember": {"text": "prefers morning visits", "subject": "visit time"},
    "memories.edit": {"text": "prefers early morning visits"},
    "memories.supersede": {"text": "prefers evening visits"},
    "memories.retire": {},
    "keys.create": {"role": "user", "user_id": "628111", "name": "Budi's phone"},
    "reindex": {"user_id": "628111"},
    "sessions.reset": {},
    "logs.add": {"level": "info", "category": "scanner", "source": "system", "message": "Scanner executed"},
    "snapshots.save": {"name": "Before the experiment", "state": {"parameters": {"min_close_price": 10.0}}},
    "snapshots.load": {},
    "snapshots.import_json": {"snapshot": {"name": "Before the experiment", "state": {"columns": ["ticker"]}}},
    "retention.set": {"log_retention_days": 14},
    "expire": {"dry_run": True},
    "retain": {"dry_run": True},
    "jobs.start": {},
    "jobs.stop": {},
    "jobs.run": {},
    "undo": {},
    "erase.session": {"dry_run": True, "reason": "asked for by the person"},
    "erase.logs": {"category": "scanner", "dry_run": True},
    "erase.snapshot": {"dry_run": True},
    "import_from": {
        "format": "ingat-export",
        "version": 1,
        "users": [{"user_id": "628111", "created_at": 1_736_154_000_000, "updated_at": 1_736_154_000_000}],
    },
}
"""Bodies by action; by method and action where one action has two addresses."""
