"""Access: who asks, how often they may, and what their key opens."""

from __future__ import annotations

import math
import operator
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import UNSET
from starlette.types import Scope

from ingat.action import Action
from ingat.aio import AsyncMemory
from ingat.api.keyring import Keyring
from ingat.api.rate import Rate
from ingat.api.request import header
from ingat.core.errors import Forbidden, RateLimited, SessionNotFound, Unauthorized, UserNotFound
from ingat.core.ids import check_id, normalise_user_id
from ingat.core.records import Key, User

Run = Callable[..., Awaitable[Any]]

ADMIN = "ingat.admin"
"""Where a scope tells that an admin key has been let in."""
WRONG_KEYS_PER_MINUTE = 30
"""Wrong keys of one client address that are answered as such, the rest with RateLimited; counted in each process."""


class Access:
    """The door of one server. `secret_of_browser` finds the secret of the key that a browser signed in with."""

    def __init__(
        self,
        memory: AsyncMemory,
        *,
        rate_limit_per_minute: int,
        secret_of_browser: Callable[[Scope], str | None] | None = None,
    ) -> None:
        # bound once: each look at a method of AsyncMemory makes a new one
        self._session_of, self._user_of = bound(memory, "sessions.get"), bound(memory, "users.get")
        self._keys = Keyring(bound(memory, "keys.check"))
        self._rate, self._wrong = Rate(rate_limit_per_minute), Rate(WRONG_KEYS_PER_MINUTE)
        self._secret_of_browser = secret_of_browser

    async def enter(self, scope: Scope, *, browser: bool = False) -> Key:
        """Return the key that a request brings, or raise Unauthorized or RateLimited.

        With `browser` one that has signed in counts too; only for requests that change nothing.
        """
        secret = _bearer(scope)
        if secret is None and browser and self._secret_of_browser is not None:
            secret = self._secret_of_browser(scope)
        if secret is None:
            raise Unauthorized("An access key is needed: send the header `Authorization: Bearer KEY`.")
        key = self._keys.held(secret) or await self.sign_in(scope, secret)
        wait_s = self._rate.take(key.id)
        if wait_s:
            raise _limited("This access key has used up its requests for now.", wait_s)
        scope[ADMIN] = key.role == "admin"
        return key

    async def sign_in(self, scope: Scope, secret: str) -> Key:
        """Return the key with this secret, or raise Unauthorized; RateLimited after too many wrong ones.

        A right key is let in whatever else came from its address.
        """
        address = scope["client"][0] if scope.get("client") else ""
        # counted as wrong until it is known to be right: of many at once no more pass than one after another
        wait_s = self._wrong.take(address)
        counts = not wait_s
        try:
            key = await self._keys.check(secret)
        except Unauthorized:
            counts = False
            if wait_s:
                raise _limited("Too many wrong access keys came from this address.", wait_s) from None
            raise
        finally:
            if counts:
                self._wrong.give_back(address)
        return key

    def allow(self, key: Key, action: Action) -> None:
        """Raise Forbidden when keys of this role never do such an action."""
        if key.role == "admin" or (key.role == "service" and action.scope != "keys"):
            return
        if key.role != "user" or action.scope not in ("user", "session"):
            needed = "an admin" if action.scope == "keys" else "an admin or service"
            raise Forbidden(f"{action.name} needs {needed} key; this one is a {key.role} key.", action=action.name)

    async def confine(self, key: Key, action: Action, given: dict[str, Any], list_name: str = "") -> None:
        """Keep a key that is bound to a user to that user: fill in the user that was left out, or raise Forbidden.

        Aliases are resolved. Sessions of others and sessions that do not exist get the same answer. `list_name` is the
        argument whose rows are the arguments of the action, where a list of them was given.
        """
        if key.user_id is None:
            return
        for row in given[list_name] if list_name else (given,):
            _check_guarded(action, row if isinstance(row, dict) else msgspec.structs.asdict(row))
        if action.scope == "session":
            await self._confine_session(key.user_id, given["session_id"])
        elif given.get("user_id") is None:
            given["user_id"] = key.user_id
        else:
            await self._confine_user(key.user_id, given["user_id"])

    def forget(self) -> None:
        """Let changes of keys and users act from the next request on."""
        self._keys.forget()

    async def _confine_user(self, owner: str, user_id: str) -> None:
        known = normalise_user_id(user_id)
        if known != owner and await self._person(known) != await self._person(owner):
            raise Forbidden("This key is bound to another user.")

    async def _confine_session(self, owner: str, session_id: str) -> None:
        check_id(session_id, "session id")
        try:
            of_session = (await self._session_of(session_id)).user_id
        except SessionNotFound:
            of_session = None
        if of_session is None or (of_session != owner and of_session != await self._person(owner)):
            raise Forbidden("This key opens no such session.")

    async def _person(self, user_id: str) -> str:
        try:
            found: User = await self._user_of(user_id)
        except UserNotFound:
            return user_id
        return found.user_id


def _check_guarded(action: Action, given: dict[str, Any]) -> None:
    for name in action.guarded:
        if given.get(name) is not None and given[name] is not UNSET and given[name] is not False:
            raise Forbidden(f"A key bound to a user may not give {name!r}.", field=name)
    for name, value in action.only:
        if given.get(name, value) != value:
            raise Forbidden(f"A key bound to a user may give no other {name!r} than {value!r}.", field=name)


def bound(memory: AsyncMemory, name: str) -> Run:
    """Return the method of AsyncMemory or of one of its parts that an action names."""
    method: Run = operator.attrgetter(name)(memory)
    return method


def _bearer(scope: Scope) -> str | None:
    given = header(scope, b"authorization")
    if given is None:
        return None
    scheme, _, secret = given.partition(b" ")
    if scheme.lower() != b"bearer" or not secret.strip():
        raise Unauthorized("The header Authorization must read `Bearer KEY`.")
    return secret.strip().decode("latin-1")


def _limited(what: str, wait_s: float) -> RateLimited:
    seconds = max(1, math.ceil(wait_s))
    return RateLimited(f"{what} Come back in {seconds} s.", retry_after_s=seconds)
