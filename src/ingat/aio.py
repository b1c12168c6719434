"""AsyncMemory: the same names as Memory; each call is one hop to a thread, and appends wait without one."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Concatenate, Generic, Literal, ParamSpec, Self, TypeVar, overload

from ingat.core.drafts import new_message, new_messages
from ingat.core.errors import StoreClosed
from ingat.core.records import Attachment, Message, NewMessage
from ingat.faces import SessionFace, UserFace
from ingat.lifecycle.backups import Backups
from ingat.lifecycle.erase import Eraser
from ingat.lifecycle.jobs import Jobs
from ingat.memory import Memory
from ingat.services.artifacts import Artifacts
from ingat.services.audit import Audit
from ingat.services.current import CurrentSessions
from ingat.services.keys import Keys
from ingat.services.logs import Logs
from ingat.services.memories import Memories
from ingat.services.messages import Append
from ingat.services.operations import Operations
from ingat.services.retention import Retention
from ingat.services.snapshots import Hook, Snapshots
from ingat.store.contract import Store

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
P = ParamSpec("P")
R = TypeVar("R")

Kind = Literal["keys", "read", "write", "search", "long"]
"""What is done on a thread; each kind has threads of its own, so that a slow one does not hold up the others."""

THREADS: dict[Kind, int] = {"keys": 2, "read": 8, "write": 4, "search": 6, "long": 8}
"""Threads of each kind at the most. Searches are fewer than the store's readers: each holds one while it ranks."""
MOST_ON_THE_LOOP = 16
"""Messages that are analysed on the event loop itself, at about 50 microseconds each; more go to a thread."""
MOST_CHARACTERS_ON_THE_LOOP = 16_000
"""Their characters altogether; longer texts go to a thread."""


class Pools:
    """The threads of one AsyncMemory, made as they are needed; with `one`, that pool does everything."""

    def __init__(self, one: ThreadPoolExecutor | None = None) -> None:
        self._by_kind = {
            kind: one or ThreadPoolExecutor(most, thread_name_prefix=f"ingat-{kind}") for kind, most in THREADS.items()
        }

    def of(self, kind: Kind) -> ThreadPoolExecutor:
        """Return the threads of a kind."""
        return self._by_kind[kind]

    def shutdown(self, *, wait: bool = True) -> None:
        """Let the threads end when what they do is done."""
        for pool in self._by_kind.values():
            pool.shutdown(wait=wait)


class Face(Generic[S_co]):
    """The asynchronous face of one synchronous object."""

    def __init__(self, behind: S_co, pools: Pools | ThreadPoolExecutor) -> None:
        self._behind = behind
        self._pools = pools if isinstance(pools, Pools) else Pools(pools)


class hop(Generic[S, P, R]):  # noqa: N801 - stands where a function would, like `property`
    """A method that runs the synchronous one of the same name on a thread of its kind, in the caller's context."""

    def __init__(self, method: Callable[Concatenate[S, P], R], kind: Kind) -> None:
        self._method, self.kind = method, kind
        self.__doc__ = method.__doc__
        self.__wrapped__ = method
        signature = inspect.signature(method)
        self._signature = signature.replace(parameters=list(signature.parameters.values())[1:])
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, face: None, owner: type) -> Self: ...

    @overload
    def __get__(self, face: Face[S], owner: type) -> Callable[P, Awaitable[R]]: ...

    def __get__(self, face: Face[S] | None, owner: type) -> Self | Callable[P, Awaitable[R]]:
        if face is None:
            return self
        synchronous: Callable[P, R] = getattr(face._behind, self._method.__name__)  # that of a subclass, if it has one
        pool = face._pools.of(self.kind)

        @functools.wraps(self._method)
        async def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return await _run(pool, functools.partial(synchronous, *args, **kwargs))

        call.__signature__ = self._signature  # type: ignore[attr-defined]  # functions take any attribute
        face.__dict__[self._name] = call  # found there first from now on
        return call


def _arguments_of(
    model: Callable[Concatenate[Any, P], None],
) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, P], None]]:
    """Let a constructor have the arguments of another one."""

    def dress(constructor: Callable[..., None]) -> Callable[Concatenate[Any, P], None]:
        constructor.__signature__ = inspect.signature(model)  # type: ignore[attr-defined]  # functions take any attribute
        return constructor

    return dress


async def _run(pool: ThreadPoolExecutor, work: Callable[[], R]) -> R:
    loop, context = asyncio.get_running_loop(), contextvars.copy_context()
    try:
        running = loop.run_in_executor(pool, lambda: context.run(work))
    except RuntimeError as error:  # the pool was shut down
        raise StoreClosed("The memory is closed. Nothing was done; open it again.") from error
    return await running


class AsyncUsers(Face[UserFace]):
    """`memory.users`, awaited."""

    save = hop(UserFace.save, "write")
    get = hop(UserFace.get, "read")
    list = hop(UserFace.list, "read")
    alias = hop(UserFace.alias, "write")
    unalias = hop(UserFace.unalias, "write")
    protect = hop(UserFace.protect, "write")
    merge = hop(UserFace.merge, "write")


class AsyncSessions(Face[SessionFace]):
    """`memory.sessions`, awaited. Appends wait for the commit in the store's queue, without a thread."""

    def __init__(self, behind: SessionFace, pools: Pools | ThreadPoolExecutor, store: Store) -> None:
        super().__init__(behind, pools)
        self._store = store

    open = hop(SessionFace.open, "write")
    create = hop(SessionFace.create, "write")
    get = hop(SessionFace.get, "read")
    list = hop(SessionFace.list, "read")
    update = hop(SessionFace.update, "write")
    close = hop(SessionFace.close, "write")
    archive = hop(SessionFace.archive, "write")
    unarchive = hop(SessionFace.unarchive, "write")
    reopen = hop(SessionFace.reopen, "write")
    reset = hop(SessionFace.reset, "write")
    messages = hop(SessionFace.messages, "search")
    history = hop(SessionFace.history, "search")
    message = hop(SessionFace.message, "read")

    async def append(
        self,
        session_id: str,
        role: str,
        content: str = "",
        *,
        author: str | None = None,
        attachments: Sequence[Attachment | Mapping[str, Any]] = (),
        metadata: dict[str, Any] | None = None,
        at: int | None = None,
        id: str | None = None,
    ) -> Message:
        """Add one message to the end of an active session; see Memory.sessions.append."""
        return (
            await self.append_many(session_id, [new_message(role, content, author, attachments, metadata, at, id)])
        )[0]

    async def append_many(
        self, session_id: str, messages: Sequence[NewMessage | Mapping[str, Any]]
    ) -> Sequence[Message]:
        """Add messages in the order given, all or none; see Memory.sessions.append_many."""
        if _quick(messages):
            return await self._commit(self._behind.appending(session_id, messages))
        analyse = functools.partial(self._behind.appending, session_id, messages)
        return await self._commit(await _run(self._pools.of("long"), analyse))

    async def _commit(self, append: Append) -> Sequence[Message]:
        try:
            written = await self._store.awrite(append)
        except BaseException as error:
            meter = self._behind.meter
            meter.fell(meter.appends, append.begun, error)
            raise
        # not after a cancelled wait: whether it was committed is not known then
        if len(written) > MOST_ON_THE_LOOP:
            await _run(self._pools.of("long"), functools.partial(self._behind.committed, append))
        else:
            self._behind.committed(append)
        return written


def _quick(messages: Sequence[NewMessage | Mapping[str, Any]]) -> bool:
    """Whether messages can be analysed on the event loop without holding it up."""
    if len(messages) > MOST_ON_THE_LOOP:
        return False
    ready = new_messages(messages)
    if any(each.attachments for each in ready):
        return False
    return sum(len(each.content) for each in ready if isinstance(each.content, str)) <= MOST_CHARACTERS_ON_THE_LOOP


class AsyncMemories(Face[Memories]):
    """`memory.memories`, awaited."""

    remember = hop(Memories.remember, "write")
    get = hop(Memories.get, "read")
    list = hop(Memories.list, "read")
    edit = hop(Memories.edit, "write")
    supersede = hop(Memories.supersede, "write")
    retire = hop(Memories.retire, "write")


class AsyncKeys(Face[Keys]):
    """`memory.keys`, awaited."""

    create = hop(Keys.create, "write")
    create_first = hop(Keys.create_first, "write")
    list = hop(Keys.list, "read")
    revoke = hop(Keys.revoke, "write")
    check = hop(Keys.check, "keys")


class AsyncCurrentSessions(Face[CurrentSessions]):
    """`memory.current_sessions`, awaited."""

    get = hop(CurrentSessions.get, "read")
    set = hop(CurrentSessions.set, "write")


class AsyncLogs(Face[Logs]):
    """`memory.logs`, awaited."""

    add = hop(Logs.add, "write")
    add_many = hop(Logs.add_many, "write")
    list = hop(Logs.list, "search")
    after = hop(Logs.after, "read")
    last_seq = hop(Logs.last_seq, "read")
    stats = hop(Logs.stats, "search")


class AsyncSnapshots(Face[Snapshots]):
    """`memory.snapshots`, awaited. Hooks run on a thread."""

    save = hop(Snapshots.save, "write")
    list = hop(Snapshots.list, "read")
    get = hop(Snapshots.get, "read")
    stats = hop(Snapshots.stats, "read")
    load = hop(Snapshots.load, "long")
    compare = hop(Snapshots.compare, "long")
    export_json = hop(Snapshots.export_json, "read")
    import_json = hop(Snapshots.import_json, "write")

    def on_load(self, hook: Hook) -> Hook:
        """Let a function take over the state of every snapshot that is loaded; see Memory.snapshots.on_load."""
        return self._behind.on_load(hook)


class AsyncRetention(Face[Retention]):
    """`memory.retention`, awaited."""

    get = hop(Retention.get, "read")
    set = hop(Retention.set, "write")
    history = hop(Retention.history, "read")


class AsyncOperations(Face[Operations]):
    """`memory.operations`, awaited."""

    get = hop(Operations.get, "read")
    list = hop(Operations.list, "read")


class AsyncEraser(Face[Eraser]):
    """`memory.erase`, awaited."""

    user = hop(Eraser.user, "long")
    session = hop(Eraser.session, "long")
    messages = hop(Eraser.messages, "long")
    memory = hop(Eraser.memory, "long")
    artifact = hop(Eraser.artifact, "long")
    everything = hop(Eraser.everything, "long")
    logs = hop(Eraser.logs, "long")
    snapshot = hop(Eraser.snapshot, "long")


class AsyncJobs(Face[Jobs]):
    """`memory.jobs`, awaited."""

    list = hop(Jobs.list, "read")
    start = hop(Jobs.start, "write")
    stop = hop(Jobs.stop, "write")
    run = hop(Jobs.run, "long")


class AsyncAudit(Face[Audit]):
    """`memory.audit`, awaited."""

    list = hop(Audit.list, "read")
    knows = hop(Audit.knows, "read")
    verify = hop(Audit.verify, "long")
    prune = hop(Audit.prune, "long")


class AsyncArtifacts(Face[Artifacts]):
    """`memory.artifacts`, awaited."""

    save = hop(Artifacts.save, "long")
    list = hop(Artifacts.list, "read")
    get = hop(Artifacts.get, "read")
    read = hop(Artifacts.read, "long")


class AsyncBackups(Face[Backups]):
    """`memory.backups`, awaited."""

    create = hop(Backups.create, "long")
    list = hop(Backups.list, "long")
    show = hop(Backups.show, "long")
    verify = hop(Backups.verify, "long")
    diff = hop(Backups.diff, "long")
    restore = hop(Backups.restore, "long")
    prune = hop(Backups.prune, "long")
    mirror = hop(Backups.mirror, "long")


class AsyncMemory(Face[Memory]):
    """Memory for asyncio: the arguments and methods of Memory, awaited. An asynchronous context manager.

    Its constructor opens the store, which touches the disk once; `AsyncMemory.over(memory)` uses one that is open.
    """

    @_arguments_of(Memory.__init__)
    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._take(Memory(*arguments, **named))

    @classmethod
    def over(cls, memory: Memory) -> Self:
        """Return the asynchronous face of a memory that is open; closing either closes both."""
        made = cls.__new__(cls)
        made._take(memory)
        return made

    def _take(self, memory: Memory) -> None:
        super().__init__(memory, Pools())
        self._open = True
        self.sync = memory
        self.users = AsyncUsers(memory.users, self._pools)
        self.sessions = AsyncSessions(memory.sessions, self._pools, memory.store)
        self.memories = AsyncMemories(memory.memories, self._pools)
        self.keys = AsyncKeys(memory.keys, self._pools)
        self.current_sessions = AsyncCurrentSessions(memory.current_sessions, self._pools)
        self.logs = AsyncLogs(memory.logs, self._pools)
        self.snapshots = AsyncSnapshots(memory.snapshots, self._pools)
        self.retention = AsyncRetention(memory.retention, self._pools)
        self.operations = AsyncOperations(memory.operations, self._pools)
        self.erase = AsyncEraser(memory.erase, self._pools)
        self.jobs = AsyncJobs(memory.jobs, self._pools)
        self.audit = AsyncAudit(memory.audit, self._pools)
        self.artifacts = AsyncArtifacts(memory.artifacts, self._pools)
        self.backups = AsyncBackups(memory.backups, self._pools)

    remember = hop(Memory.remember, "write")
    recall = hop(Memory.recall, "search")
    search = hop(Memory.search, "search")
    context = hop(Memory.context, "search")
    chat = hop(Memory.chat, "long")
    reindex = hop(Memory.reindex, "long")
    stats = hop(Memory.stats, "long")
    doctor = hop(Memory.doctor, "long")
    expire = hop(Memory.expire, "long")
    retain = hop(Memory.retain, "long")
    undo = hop(Memory.undo, "long")
    redo = hop(Memory.redo, "long")
    restore = hop(Memory.restore, "long")
    purge = hop(Memory.purge, "long")
    export = hop(Memory.export, "long")
    import_from = hop(Memory.import_from, "long")

    async def close(self) -> None:
        """Finish what is being written and let go of the store. A second call does nothing."""
        if self._open:
            self._open = False
            await _run(self._pools.of("write"), self.sync.close)
            self._pools.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def on_thread(memory: AsyncMemory, kind: Kind, work: Callable[[], R]) -> R:
    """Do work with `memory.sync` on a thread of this kind, in the caller's context, and return what it returns."""
    return await _run(memory._pools.of(kind), work)


def dressed(
    memory: AsyncMemory, name: str, dress: Callable[[Callable[..., Any]], Callable[..., R]]
) -> Callable[..., Awaitable[R]]:
    """Return an awaitable function that runs `dress(method)` on a thread of the method's kind.

    `name` is the dotted name of a method of Memory or of one of its parts; the appends are not among them.
    """
    home, _, last = name.rpartition(".")
    face: Face[Any] = getattr(memory, home) if home else memory
    pool = face._pools.of(inspect.getattr_static(type(face), last).kind)
    synchronous = dress(getattr(face._behind, last))

    async def call(**given: Any) -> R:
        return await _run(pool, functools.partial(synchronous, **given))

    return call
