"""A conversation on the console: what is said is answered from memory; words after a slash are commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import msgspec

from ingat.cli.failures import encode_error, report
from ingat.cli.language import mark
from ingat.cli.recalled import show_hits
from ingat.cli.run import Run, local_time, write_line
from ingat.cli.tables import show_rows
from ingat.core.errors import IngatError, InvalidText, StoreClosed, StoreCorrupt, StoreUnavailable
from ingat.core.records import Session
from ingat.memory import Memory

GONE = (StoreClosed, StoreCorrupt, StoreUnavailable)
"""Errors after which nothing more can be remembered."""
COMMANDS = {
    "/help": mark("show this"),
    "/new": mark("close this session and begin a new one; everything said is kept"),
    "/memories": mark("show the facts and notes kept of you"),
    "/remember TEXT": mark("keep a fact about you"),
    "/recall QUERY": mark("show the lines that fit a question, and why"),
    "/quit": mark("leave; Ctrl-D and Ctrl-C do the same"),
}


class Conversation:
    """One run of `ingat chat` with one user in one channel."""

    def __init__(self, run: Run, memory: Memory, user_id: str, channel: str) -> None:
        self._run, self._memory = run, memory
        self._user_id, self._channel = user_id, channel
        self.store_gone = self.refused = False
        self._commands: dict[str, Callable[[str], None]] = {
            "/help": self._help,
            "/new": self._new,
            "/reset": self._new,
            "/memories": self._memories,
            "/remember": self._remember,
            "/recall": self._recall,
        }

    def greet(self) -> None:
        """Say who is talking and what is remembered of this conversation."""
        _ = self._run.translate
        self._run.say(_("You talk as {user}. /help shows the commands, /quit leaves.").format(user=self._user_id))
        session = self._session()
        if session is not None and session.last_message_at is not None:
            text = _("This conversation goes on: {number} messages so far, the last of {time}.")
            self._run.say(text.format(number=f"{session.message_count:,}", time=local_time(session.last_message_at)))

    def part(self) -> None:
        """Say goodbye, truthfully: what was being answered at Ctrl-C may not be kept."""
        _ = self._run.translate
        if not self._run.keeps(self._run.settings):
            self._run.say(_("Until next time. The store was in memory and is gone."))
        elif not self.store_gone:
            self._run.say(_("Until next time. Everything that was answered is kept."))

    def hear(self, line: str) -> bool:
        """Answer one line; False when the conversation is over. `refused` says whether the last line was."""
        text = line.strip()
        if not text:
            return True
        self.refused = False
        word, _, rest = text.partition(" ")
        if word in ("/quit", "/exit"):
            return False
        try:
            _check_utf8(line)
            if word.startswith("/") and word[1:].isalpha():
                self._commands.get(word, self._unknown)(rest.strip())
            else:
                self._say(line)
        except IngatError as error:
            self._tell(error)
            self.refused = True
            self.store_gone = isinstance(error, GONE)
            return not self.store_gone
        return True

    def _tell(self, error: IngatError) -> None:
        if self._run.json:
            click.echo(encode_error(error.code, error.message, error.details))
        else:
            report(error, click.get_current_context(silent=True), as_json=False)

    def _line(self, value: Any) -> None:
        """Write one JSON object on a line, at once, for whoever reads along."""
        write_line(msgspec.json.encode(value))

    def _say(self, text: str) -> None:
        turn = self._memory.chat(self._user_id, text, self._channel)
        if self._run.json:
            self._line(turn)
        else:
            self._run.say(turn.answer.content)

    def _unknown(self, rest: str) -> None:
        if self._run.json:
            self._line({"commands": list(COMMANDS)})
            return
        self._run.say(self._run.translate("There is no such command; nothing was kept of this line."))
        self._help("")

    def _help(self, rest: str) -> None:
        if self._run.json:
            self._line({"commands": list(COMMANDS)})
            return
        for words, meaning in COMMANDS.items():
            self._run.say(f"  {words:<16} {self._run.translate(meaning)}")

    def _new(self, rest: str) -> None:
        _ = self._run.translate
        before = self._session()
        if before is None:
            closed, fresh = None, self._memory.sessions.open(self._user_id, self._channel)
        else:
            fresh = self._memory.sessions.reset(before.id)
            closed = self._memory.sessions.get(before.id)
        if self._run.json:
            self._line({"closed": closed, "session": fresh})
        elif closed is None:
            self._run.say(_("A new session has begun; there was none to close."))
        else:
            text = _("The session is closed, its {number} messages are kept and can be recalled. A new one has begun.")
            self._run.say(text.format(number=f"{closed.message_count:,}"))

    def _memories(self, rest: str) -> None:
        page = self._memory.memories.list(self._user_id)
        if self._run.json:
            self._line({"memories": page.items, "next": page.next})
        else:
            show_rows(self._run, page.items, "memories")

    def _remember(self, text: str) -> None:
        if not text:
            self._needs("/remember TEXT")
            return
        item = self._memory.remember(self._user_id, text)
        if self._run.json:
            self._line(item)
        else:
            self._run.say(self._run.translate("Kept: {text}").format(text=item.text))

    def _recall(self, query: str) -> None:
        if not query:
            self._needs("/recall QUERY")
            return
        found = self._memory.recall(self._user_id, query)
        if self._run.json:
            self._line(found)
        else:
            show_hits(self._run, found)

    def _needs(self, words: str) -> None:
        message = self._run.translate("Write it like this: {command}").format(command=words)
        if self._run.json:
            click.echo(encode_error("usage", message, {}))
        else:
            self._run.say(message)

    def _session(self) -> Session | None:
        """Return the active session of this channel; asking never makes one."""
        page = self._memory.sessions.list(self._user_id, state="active", channel=self._channel, limit=1)
        return page.items[0] if page.items else None


def _check_utf8(line: str) -> None:
    """Refuse a line with bytes that are not UTF-8; they come as halves of surrogate pairs."""
    wrong = next((place for place, sign in enumerate(line) if "\ud800" <= sign <= "\udfff"), None)
    if wrong is not None:
        raise InvalidText(f"The line is not UTF-8 (after {wrong} characters). Nothing of it was kept.")
