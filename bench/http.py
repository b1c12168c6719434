"""Durable appends over HTTP at FULL with 64 clients: ours, a thread pool on the same stack, and no database at all."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter

from bench.kit.ours import url
from bench.kit.report import BENCH, Report, folder, options, say
from bench.kit.talk import Talk
from ingat.memory import Memory

KINDS = {
    "ingat": "Ingat, group commit",
    "logged": "Ingat, with its log at info",
    "vectors": "Ingat, with vectors made behind",
    "pool": "thread pool, a commit each",
    "nothing": "no database",
}


class Target:
    """A server that runs: its port, and the requests that its clients send in turn."""

    def __init__(self, told: Mapping[str, object], texts: Sequence[str]) -> None:
        self.port = int(str(told["port"]))
        sessions = told["sessions"]
        assert isinstance(sessions, list)
        self._heads = [
            f"POST /v1/sessions/{each}/messages HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\n"
            f"authorization: Bearer {told['key']}\r\ncontent-type: application/json\r\n"
            for each in sessions
        ]
        self._bodies = [json.dumps({"role": "user", "content": text}).encode() for text in texts]

    def clients(self) -> int:
        """Return how many clients there are: one for each session."""
        return len(self._heads)

    def requests(self, client: int) -> Iterator[bytes]:
        """Yield the requests of one client, without end."""
        head = self._heads[client]
        whole = [f"{head}content-length: {len(body)}\r\n\r\n".encode() + body for body in self._bodies[client::64]]
        return itertools.cycle(whole)


class Client(asyncio.Protocol):
    """A client that sends its next request as soon as the last is answered, and keeps the seconds of each."""

    def __init__(self, requests: Iterator[bytes], until: float, done: asyncio.Future[None]) -> None:
        self.seconds: list[float] = []
        self._requests, self._until, self._done = requests, until, done
        self._answer, self._sent = b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Look whether the answer is whole; then send the next request."""
        self._answer += data
        head, ends, body = self._answer.partition(b"\r\n\r\n")
        if not ends:
            return
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        if not self._answer.startswith(b"HTTP/1.1 201"):
            self._done.set_exception(RuntimeError(self._answer.decode(errors="replace")))
            self._transport.close()
            return
        self.seconds.append(perf_counter() - self._sent)
        if perf_counter() >= self._until:
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        """Say that this client is done."""
        if not self._done.done():
            self._done.set_result(None)

    def _send(self) -> None:
        self._answer, self._sent = b"", perf_counter()
        self._transport.write(next(self._requests))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return how many goals were missed."""
    quick = options(__doc__, argv).quick
    report = Report("http", "Durable append over HTTP, 64 clients, FULL", quick=quick)
    rounds, seconds = (3, 1.0) if quick else (8, 2.0)
    rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
    waits: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with folder() as work, ExitStack() as servers:
        targets = {}
        for kind in KINDS:
            say(f"starting: {KINDS[kind]}")
            targets[kind] = servers.enter_context(_server(kind, work / f"{kind}.db"))
        for turn in range(rounds + 1):
            for kind, target in targets.items():
                taken = asyncio.run(_drive(target, seconds if turn else 0.3))
                if turn:  # the first round only warms up
                    rates[kind].append(len(taken) / seconds)
                    waits[kind] += taken
        servers.close()
        _check(work / "ingat.db", len(waits["ingat"]))
    for kind, name in KINDS.items():
        p50, p99 = statistics.quantiles(waits[kind], n=100)[49], statistics.quantiles(waits[kind], n=100)[98]
        note = f"p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms"
        report.figure(name, statistics.median(rates[kind]), "requests/s", note)
    ours = statistics.median(rates["ingat"])
    report.at_least("times as fast as a thread pool's commits", ours / statistics.median(rates["pool"]), 3)
    report.at_least(
        "share of the same handler without a database", 100 * ours / statistics.median(rates["nothing"]), 50, "%"
    )
    report.note(
        "One server process each and one process with all the clients, on loopback. Every answer is 201 after the"
        " commit; at the end the store holds every message that was answered."
    )
    return report.close([(name, statistics.median(rates[kind])) for kind, name in KINDS.items()], "requests per second")


@contextmanager
def _server(kind: str, path: Path) -> Iterator[Target]:
    words = [sys.executable, "-m", "bench.kit.server", kind, str(path)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=BENCH.parent, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server {kind!r} did not start")
        yield Target(json.loads(line), Talk(7).turns(64 * 20))
    finally:
        process.terminate()
        process.wait(30)


async def _drive(target: Target, seconds: float) -> list[float]:
    """Let all clients append for so many seconds; return the seconds of every request."""
    loop = asyncio.get_running_loop()
    until = perf_counter() + seconds
    clients: list[Client] = []
    done: list[asyncio.Future[None]] = []
    for number in range(target.clients()):
        done.append(loop.create_future())
        client = Client(target.requests(number), until, done[-1])
        clients.append(client)
        await loop.create_connection(lambda client=client: client, "127.0.0.1", target.port)  # type: ignore[misc]
    await asyncio.gather(*done)
    return [each for client in clients for each in client.seconds]


def _check(path: Path, answered: int) -> None:
    with Memory(url(path), embedder="none") as memory:
        kept = memory.stats().messages.total
    if kept < answered:
        raise RuntimeError(f"{answered - kept} of {answered} answered appends are missing")


if __name__ == "__main__":
    main()
