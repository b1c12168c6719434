"""A pause of the server: stopped before something is done to its store, and started again afterwards, come what may."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from ingat.cli.daemon import Server, running, start, stop
from ingat.cli.run import Run
from ingat.core.errors import Conflict, IngatError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
STDERR = 2


class Pause:
    """Stops the servers of a run's store, and starts those that ran. Failures are told, and never raised.

    `stop_words` and `start_words` are commands that do it in place of Ingat; they are run without a shell. `problems`
    says afterwards what did not work.
    """

    def __init__(
        self, run: Run, tell: Callable[[str], None], stop_words: Sequence[str] = (), start_words: Sequence[str] = ()
    ) -> None:
        self._run, self._say, self._stop_words, self._start_words = run, tell, stop_words, start_words
        self._ran, self._told_to_stop = list[Server](), set[int]()
        self.restarted = list[Server]()
        self.problems = list[str]()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Keep the servers stopped within the block; whichever way it ends, they are started again.

        The signals that end a program end the block, as Ctrl-C does.
        """
        with _ended_by(_SIGNALS):
            try:
                self._begin()
                yield
            finally:
                with _undisturbed(_SIGNALS):
                    self._end()

    def _begin(self) -> None:
        _ = self._run.translate
        self._tell("\n⏳ " + _("Stopping the server..."))
        try:
            self._ran = running(self._run.settings)
        except (IngatError, OSError) as error:
            self._fail(_("The server could not be looked for: {reason}"), error)
        if self._stop_words:
            self._call(self._stop_words)
            return
        if not self._ran:
            self._tell("   " + _("No server of this store runs here."))
        for server in self._ran:
            with _undisturbed(_SIGNALS):
                self._stop(server)

    def _stop(self, server: Server) -> None:
        _ = self._run.translate
        try:
            stop(self._run.settings, port=server.port)
            self._told_to_stop.add(server.pid)
        except (IngatError, OSError) as error:
            if isinstance(error, Conflict):  # it ends later
                self._told_to_stop.add(server.pid)
            self._fail(_("The server was not stopped, which does no harm here: {reason}"), error)

    def _end(self) -> None:
        _ = self._run.translate
        self._tell("\n⏳ " + _("Restarting the server..."))
        if self._start_words:
            self._call(self._start_words)
            return
        if not self._ran:
            self._tell("   " + _("It did not run before, so it was not started."))
        for server in self._ran:
            self._start(server)

    def _start(self, server: Server) -> None:
        _, settings = self._run.translate, self._run.settings
        try:
            if any(each.pid == server.pid for each in running(settings)):
                if server.pid not in self._told_to_stop:
                    return  # it was never stopped
                stop(settings, port=server.port)
            again = start(
                self._run.settings_with(host=server.host, port=server.port),
                store=self._run.store_given,
                workers=server.workers,
                language=self._run.language,
            )
        except (IngatError, OSError) as error:
            self._fail(_("The server does not run; start it with bin/start_daemon.sh. {reason}"), error)
            return
        self.restarted.append(again)
        self._tell("   " + _("The server answers again: {url}").format(url=again.url))

    def _call(self, words: Sequence[str]) -> None:
        """Run a command of the operator's; what it prints goes to standard error."""
        _ = self._run.translate
        try:
            code = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=STDERR, stderr=STDERR, check=False).returncode
        except OSError as error:
            self._fail(_("The command `{command}` could not be run: {reason}"), error, command=words[0])
            return
        if code:
            self._fail(_("The command `{command}` ended with code {reason}."), str(code), command=words[0])

    def _fail(self, text: str, reason: Exception | str, **values: str) -> None:
        said = reason.message if isinstance(reason, IngatError) else str(reason)
        self.problems.append(text.format(reason=said, **values))
        self._tell(f"⚠️  {self.problems[-1]}")

    def _tell(self, text: str) -> None:
        with suppress(OSError):  # a terminal that is gone must not keep the server from being started
            self._say(text)


@contextmanager
def _ended_by(signals: Sequence[signal.Signals]) -> Iterator[None]:
    """Let these signals end the block as Ctrl-C does."""

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled(signals, end):
        yield


@contextmanager
def _undisturbed(signals: Sequence[signal.Signals]) -> Iterator[None]:
    """Let these signals wait until the end of the block."""
    came: list[int] = []
    with _handled(signals, lambda number, frame: came.append(number)):
        yield
    if came:
        raise KeyboardInterrupt


@contextmanager
def _handled(signals: Sequence[signal.Signals], handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    before = {}
    with suppress(ValueError):  # outside the main thread there are no signals
        for each in signals:
            before[each] = signal.signal(each, handler)
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
