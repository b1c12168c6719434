"""An action: one thing that can be done, and where each interface offers it."""

from __future__ import annotations

import re
from typing import Any, Literal

from msgspec import Struct

Kind = Literal["read", "write", "destroy"]
Scope = Literal["user", "session", "store", "keys"]


class Action(Struct, frozen=True, kw_only=True):
    """One thing that can be done.

    `name` is the method's dotted name below Memory. `http` is method and path; `created` says that it answers 201, and
    `kept` that it answers 200 when nothing was created, because it was there already or nothing was given.
    `command` is its words on the command line. `wrap` is the JSON key of the list that it returns. `scope` says whose
    it is: one `user`'s (a key bound to that user may do it), one `session`'s (a key bound to its user may), the whole
    `store`'s (admin and service keys), or about `keys` (admin keys). `guarded` names arguments that a key bound to a
    user may not give, `only` the one value that such a key may give for an argument. `many` is the action taken when
    the body is a list. `alone` says that it looks through the whole store: a server runs one of it at a time. `heavy`
    says that it may take long: a server runs a few of them at a time for each key. `streams` says that the body of the
    request is a file that it reads, or that of the answer one that it writes.
    """

    name: str
    kind: Kind
    http: str
    command: str
    summary: str
    scope: Scope
    created: bool = False
    kept: bool = False
    wrap: str | None = None
    guarded: tuple[str, ...] = ()
    only: tuple[tuple[str, str], ...] = ()
    many: str | None = None
    alone: bool = False
    heavy: bool = False
    streams: Literal["in", "out"] | None = None

    @property
    def verb(self) -> str:
        """The HTTP method."""
        return self.http.split(" ")[0]

    @property
    def path(self) -> str:
        """The HTTP path, with parameters in braces."""
        return self.http.split(" ")[1]

    @property
    def in_path(self) -> tuple[str, ...]:
        """The arguments that stand in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))


def read(
    name: str, http: str, command: str, summary: str, scope: Scope, wrap: str | None = None, **more: Any
) -> Action:
    return Action(name=name, kind="read", http=http, command=command, summary=summary, scope=scope, wrap=wrap, **more)


def write(name: str, http: str, command: str, summary: str, scope: Scope, **more: Any) -> Action:
    return Action(name=name, kind="write", http=http, command=command, summary=summary, scope=scope, **more)


def destroy(name: str, http: str, command: str, summary: str, scope: Scope, **more: Any) -> Action:
    return Action(name=name, kind="destroy", http=http, command=command, summary=summary, scope=scope, **more)
