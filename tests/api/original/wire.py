"""A client that speaks the wire format as it stands."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from tests.api.server import Answer, Server


class Wire:
    """Sends requests of `/api/memory` with one key; `key` "" stands for the service key, None for none."""

    def __init__(self, server: Server, key: str | None = "") -> None:
        self.server, self.key = server, key

    def get(self, action: str | None = None, **given: Any) -> Answer:
        """Ask with GET."""
        return self._ask("GET", action, given)

    def delete(self, action: str | None = None, **given: Any) -> Answer:
        """Ask with DELETE."""
        return self._ask("DELETE", action, given)

    def post(self, action: str, **given: Any) -> Answer:
        """Ask with POST."""
        return self.server.ask("POST", "/api/memory", {"action": action, **given}, key=self.key)

    def done(self, answer: Answer) -> dict[str, Any]:
        """Return the body of an answer that must be a success."""
        assert (answer.status, answer.json["success"]) == (200, True), answer.body
        return dict(answer.json)

    def read(self, action: str, **given: Any) -> dict[str, Any]:
        """Return what GET answers."""
        return self.done(self.get(action, **given))

    def do(self, action: str, **given: Any) -> dict[str, Any]:
        """Return what POST answers."""
        return self.done(self.post(action, **given))

    def session(self, name: str = "Test Session", **given: Any) -> dict[str, Any]:
        """Return a new session."""
        return dict(self.do("create_session", name=name, **given)["session"])

    def say(self, session_id: str, content: str, role: str = "user", **given: Any) -> dict[str, Any]:
        """Return a new message."""
        return dict(self.do("add_message", session_id=session_id, role=role, content=content, **given)["message"])

    def _ask(self, method: str, action: str | None, given: dict[str, Any]) -> Answer:
        named = given if action is None else {"action": action, **given}
        query = f"?{urlencode(named)}" if named else ""
        return self.server.ask(method, f"/api/memory{query}", key=self.key)


def refused(answer: Answer) -> tuple[int, str]:
    """Return the status and the code of an answer that must be a refusal of the format."""
    assert answer.json.keys() >= {"success", "error", "code"}
    assert answer.json["success"] is False
    assert answer.json["error"].endswith((".", "`"))
    return answer.status, str(answer.json["code"])
