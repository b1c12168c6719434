"""Memory: the store, the embedder and the services of one memory, under the names that people expect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from ingat.core import clock
from ingat.core.context import Context
from ingat.core.policy import RecallPolicy
from ingat.core.records import Check, MemoryItem, MemoryKind, Message, Page, Recall, Source, Stats, Turn, User
from ingat.core.roles import Roles
from ingat.core.settings import Settings, Synchronous
from ingat.core.tokens import open_tokenizer
from ingat.lifecycle.context import ContextBuilder, counts_are_of_another
from ingat.lifecycle.health import doctor, stats
from ingat.lifecycle.merge import merge_users
from ingat.lifecycle.quote import Quoter
from ingat.lifecycle.reindex import Progress, reindex_terms
from ingat.lifecycle.turn import Answerer, Turns
from ingat.search.embed.contract import Embedder
from ingat.search.embed.open import open_embedder
from ingat.search.neighbours import shipped_neighbours
from ingat.services.keys import Keys
from ingat.services.memories import Memories
from ingat.services.messages import Messages
from ingat.services.recall import Recaller, SearchSort
from ingat.services.sessions import Sessions
from ingat.services.users import Users
from ingat.services.vectors import VectorFiller
from ingat.store.contract import Store
from ingat.store.migrate import migrate
from ingat.store.open import open_store, schema_folder


class UserFace(Users):
    """`memory.users`: users, and the merging of two."""

    def __init__(self, store: Store, roles: Roles, now: clock.Clock) -> None:
        super().__init__(store, roles, now)

    def merge(self, source: str, target: str) -> User:
        """Make two users one: everything of `source` goes to `target`, which is returned. See lifecycle.merge."""
        return merge_users(self._store, self._roles, self._now, source, target)


class SessionFace(Sessions, Messages):
    """`memory.sessions`: sessions with their messages."""

    def __init__(
        self,
        store: Store,
        count_tokens: Callable[[str], int],
        now: clock.Clock,
        committed: Callable[[str, Sequence[int], Sequence[str]], None],
    ) -> None:
        Sessions.__init__(self, store, now)
        Messages.__init__(self, store, count_tokens, now, committed)


class Memory:
    """A memory for chatbots in one store. A context manager; safe to use from many threads.

    `url` is `sqlite:///relative.db`, `sqlite:////absolute.db` or `:memory:`; the store is made when it is not there.
    `synchronous` NORMAL survives the death of the process, FULL also loss of power. `embedder` is `static`, `none`,
    or an object with the methods of `search.embed.contract.Embedder`. `answerer` answers in `chat`.

    Raises InvalidSettings and the StoreErrors that `store.open` names.
    """

    def __init__(
        self,
        url: str = "sqlite:///ingat.db",
        *,
        synchronous: Synchronous = "NORMAL",
        busy_timeout_ms: int = 5_000,
        embedder: str | Embedder | None = "static",
        tokenizer: str = "heuristic",
        role_budgets: dict[str, int] | None = None,
        recall: RecallPolicy | None = None,
        answerer: Answerer | None = None,
        language: str = "en",
        now: clock.Clock = clock.now,
    ) -> None:
        roles, policy, count = Roles(role_budgets), recall or RecallPolicy(), open_tokenizer(tokenizer)
        self.embedder = open_embedder(embedder or "none") if embedder is None or isinstance(embedder, str) else embedder
        self.store = open_store(url, synchronous=synchronous, busy_timeout_ms=busy_timeout_ms)
        try:
            migrate(self.store, schema_folder(url), clock=now)
            recount = counts_are_of_another(self.store, tokenizer)
        except BaseException:
            self.store.close()
            raise
        self.vectors = VectorFiller(self.store, self.embedder) if self.embedder else None
        committed = self.vectors.add if self.vectors else _nobody
        self.users = UserFace(self.store, roles, now)
        self.sessions = SessionFace(self.store, count, now, committed)
        self.memories = Memories(self.store, now, committed)
        self.keys = Keys(self.store, now)
        self.recaller = Recaller(self.store, self.embedder, shipped_neighbours(), policy, now, committed)
        self._contexts = ContextBuilder(self.store, self.recaller, roles, count, policy, now, recount=recount)
        self._turns = Turns(
            self.sessions, self.sessions, self._contexts, self.users.get, answerer or Quoter(self.recaller, language)
        )

    @classmethod
    def from_settings(cls, settings: Settings, **overrides: Any) -> Self:
        """Open the memory that the settings describe; `overrides` are arguments of the constructor."""
        arguments: dict[str, Any] = {
            "url": settings.store,
            "synchronous": settings.synchronous or "NORMAL",
            "busy_timeout_ms": settings.busy_timeout_ms,
            "embedder": settings.embedder,
            "tokenizer": settings.tokenizer,
            "role_budgets": settings.role_budgets,
            "recall": settings.recall,
        }
        return cls(**{**arguments, **overrides})

    def remember(
        self,
        user_id: str,
        text: str,
        *,
        subject: str | None = None,
        kind: MemoryKind = "fact",
        valid_from: int | None = None,
        session_id: str | None = None,
        message_ids: Sequence[str] = (),
        metadata: dict[str, Any] | None = None,
    ) -> MemoryItem:
        """Keep a fact or note about the user. See services.memories."""
        return self.memories.remember(
            user_id,
            text,
            subject=subject,
            kind=kind,
            valid_from=valid_from,
            session_id=session_id,
            message_ids=message_ids,
            metadata=metadata,
        )

    def recall(
        self,
        user_id: str,
        query: str,
        top_k: int | None = None,
        *,
        explain: bool = False,
        session_id: str | None = None,
        since: int | None = None,
        until: int | None = None,
        kinds: Sequence[Source] | None = None,
        author: str | None = None,
        role: str | None = None,
        as_of: int | None = None,
        exclude: Sequence[str] = (),
    ) -> Recall:
        """Return the lines of this user that fit the question, best first. See services.recall."""
        return self.recaller.recall(
            user_id,
            query,
            top_k,
            explain=explain,
            session_id=session_id,
            since=since,
            until=until,
            kinds=kinds,
            author=author,
            role=role,
            as_of=as_of,
            exclude=exclude,
        )

    def search(
        self,
        user_id: str,
        words: str,
        *,
        session_id: str | None = None,
        since: int | None = None,
        until: int | None = None,
        author: str | None = None,
        role: str | None = None,
        sort: SearchSort = "newest",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Message]:
        """Return the user's messages that hold every word. See services.recall."""
        return self.recaller.search(
            user_id,
            words,
            session_id=session_id,
            since=since,
            until=until,
            author=author,
            role=role,
            sort=sort,
            limit=limit,
            cursor=cursor,
        )

    def context(
        self,
        user_id: str,
        session_id: str | None = None,
        query: str | None = None,
        budget: int | None = None,
        *,
        top_k: int | None = None,
    ) -> Context:
        """Return what a model is given of this user, within the budget of the role. See lifecycle.context."""
        return self._contexts.build(user_id, session_id, query, budget, top_k=top_k)

    def chat(self, user_id: str, text: str, channel: str = "default") -> Turn:
        """Store what the person said, answer from what is remembered, and store the answer. See lifecycle.turn."""
        return self._turns.exchange(user_id, text, channel)

    def reindex(self, user_id: str | None = None, *, progress: Progress | None = None) -> int:
        """Rebuild terms and vectors of one user or of all; return how many entries were written."""
        owner = self.users.get(user_id).user_id if user_id is not None else None
        return reindex_terms(self.store, owner, progress, self.vectors.fill_user if self.vectors else None)

    def stats(self) -> Stats:
        """Return how much the store holds."""
        return stats(self.store, self.embedder)

    def doctor(self) -> list[Check]:
        """Look through the whole store and return what was checked."""
        return doctor(self.store, self.embedder)

    def close(self) -> None:
        """Finish what is being written and let go of the store. A second call does nothing."""
        if self.vectors is not None:
            self.vectors.close()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _nobody(user_id: str, positions: Sequence[int], texts: Sequence[str]) -> None:
    """Take note of nothing: without an embedder there are no vectors to fill in."""
