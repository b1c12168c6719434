"""The dialogue of `ingat clear`: what it shows, what it asks, and the deletion behind it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click

from ingat.cli.asking import AGREED
from ingat.cli.harmless import printable
from ingat.cli.run import Run
from ingat.core import clock
from ingat.core.errors import InvalidId, InvalidText, ProtectedUser, UserNotFound
from ingat.core.i18n import Translate
from ingat.core.ids import normalise_user_id
from ingat.core.limits import MAX_PAGE
from ingat.core.protection import Protection
from ingat.core.records import User
from ingat.core.reports import Operation
from ingat.lifecycle.klar_file import KlarFile, write_backup
from ingat.memory import Memory

REASON = "cleared by hand with `ingat clear`"
"""What is recorded when nobody says why."""
ALL, FORCE = "YES", "FORCE"
"""What must be typed, exactly so, to delete everything, and to delete who is protected."""
MOST_NAMED = 5
_LINE, _RULE = "=" * 60, "-" * 60


class Outcome(NamedTuple):
    """How it ended: the exit code, and what a program is told."""

    code: int = 0
    answer: dict[str, Any] | None = None


class Ended(Exception):
    """The dialogue is over without a deletion; the text is for the operator."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


class Clearing:
    """One run of the dialogue. With `sure` nothing is asked."""

    def __init__(self, run: Run, memory: Memory, folder: Path, reason: str, *, force: bool, sure: bool) -> None:
        self._run, self._memory, self._folder, self._reason = run, memory, folder, reason
        self._force, self._sure, self._ = force, sure, run.translate
        self._protection = Protection(run.settings.protected_flags)

    def menu(self) -> Outcome:
        """Ask what is to be done, and do it."""
        _ = self._
        write(f"\n{_LINE}\n{_('CHOOSE AN ACTION:')}\n{_LINE}\n")
        write("1. " + _("Delete a given user_id"))
        write("2. " + _("Empty all memory"))
        write("3. " + _("Cancel (restart the server without changes)"))
        choice = ask("\n" + _("Choice (1-3):"), _).strip()
        if choice == "1":
            return self._chosen()
        if choice == "2":
            return self.everything()
        if choice == "3":
            raise Ended("✅ " + _("Cancelled. Nothing was changed."), 0)
        raise Ended("❌ " + _("There is no such choice. Nothing was changed."))

    def _chosen(self) -> Outcome:
        _ = self._
        if not self._show_list():
            raise Ended("⚠️  " + _("There are no users. Nothing was changed."), 0)
        write(f"\n{_('Enter the user_id to delete')}\n{_('(it can be copied from the list above)')}")
        given = ask("\nUser ID:", _).strip()
        if not given:
            raise Ended("❌ " + _("The user_id is empty. Nothing was changed."))
        return self.one(given)

    def one(self, user_id: str) -> Outcome:
        """Delete one user: show who it is, ask, back up, delete."""
        _, user = self._, self._user(user_id)
        guarded = self._protection.reasons(user)
        if self._sure:
            self._refuse(user, guarded)
        else:
            write("\n📝 " + _("Details of the user to delete:"))
            write("   User ID: " + printable(user.user_id))
            write("   " + _("Name: {name}").format(name=_shown(user.name)))
            write("   " + _("Product: {product}").format(product=_shown(user.product)))
            write("   " + _("Created: {created}").format(created=_moment(user.created_at)))
            if guarded:
                write("\n⚠️  " + _("This user is protected or has an open case: {why}").format(why=_why(user, guarded)))
            answer = ask("\n⚠️  " + _("Are you sure that this user is to be deleted? (y/n):"), _)
            if answer.strip().lower() not in AGREED:
                raise Ended("❌ " + _("Cancelled. Nothing was changed."), 0)
            if guarded:
                self._ask_force()
        backup = self._back_up()
        operation = self._memory.erase.user(user.user_id, reason=self._reason or REASON, force=self._force)
        return self._done(operation, backup, _("User '{user}' was deleted.").format(user=printable(user.user_id)))

    def everything(self) -> Outcome:
        """Delete everybody: say how many, have it confirmed, back up, delete."""
        _, number, guarded = self._, 0, list[tuple[User, tuple[str, ...]]]()
        for user in self._users():
            number += 1
            if reasons := self._protection.reasons(user):
                guarded.append((user, reasons))
        if self._sure:
            for user, reasons in guarded[:1]:
                self._refuse(user, reasons)
        else:
            write("\n⚠️  " + _("All data of all users will be deleted."))
            write("   " + self._total(number))
            for user, reasons in guarded[:MOST_NAMED]:
                named = _("Protected or with an open case: {user} ({why})")
                write("   " + named.format(user=printable(user.user_id), why=_why(user, reasons)))
            if len(guarded) > MOST_NAMED:
                write("   " + _("... and {number} more").format(number=len(guarded) - MOST_NAMED))
            if ask("\n⚠️  " + _("Type 'YES' to delete everything:"), _) != ALL:
                raise Ended("❌ " + _("Cancelled. Nothing was changed."), 0)
            if guarded:
                self._ask_force()
        backup = self._back_up()
        operation = self._memory.erase.everything(reason=self._reason or REASON, force=self._force)
        return self._done(operation, backup, _("All memory was emptied."))

    def _user(self, user_id: str) -> User:
        _ = self._
        try:
            return self._memory.users.get(user_id)
        except (UserNotFound, InvalidId):
            if self._sure:
                raise
        try:
            shown = normalise_user_id(user_id)
        except InvalidId as error:
            raise Ended("❌ " + _("This is no user_id; nothing was changed. {reason}").format(reason=error)) from None
        raise Ended("❌ " + _("There is no User ID '{user}'. Nothing was changed.").format(user=shown))

    def _show_list(self) -> int:
        _, number = self._, 0
        write(f"\n{_RULE}\n📋 {_('THE USER_IDS THAT THERE ARE:')}\n{_RULE}")
        for number, user in enumerate(self._users(), 1):
            about = _("Name: {name}, Product: {product}, Created: {created}").format(
                name=_shown(user.name), product=_shown(user.product), created=_moment(user.created_at)
            )
            write(f"{number:2d}. {printable(user.user_id)}\n     {about}")
        write("\n" + self._total(number) + f"\n{_RULE}")
        return number

    def _users(self) -> Iterator[User]:
        """Return all users, those who came first first."""
        cursor: str | None = None
        while True:
            page = self._memory.users.list(MAX_PAGE, cursor=cursor, sort="created_at")
            yield from page
            cursor = page.next
            if cursor is None:
                return

    def _total(self, number: int) -> str:
        _ = self._
        return self._run.count(number, _("Total: {number} user"), _("Total: {number} users"))

    def _refuse(self, user: User, guarded: tuple[str, ...]) -> None:
        """Raise ProtectedUser before any file is written, when nobody forces it with a reason."""
        if guarded and not (self._force and self._reason.strip()):
            raise ProtectedUser(
                f"User {user.user_id!r} is protected ({', '.join(guarded)}). Nothing was deleted; --force with --reason"
                " deletes it all the same.",
                user_id=user.user_id,
                protected_by=list(guarded),
            )

    def _ask_force(self) -> None:
        _ = self._
        if not self._reason.strip():
            self._reason = ask(_("Why is it to be deleted all the same?"), _).strip()
        if not self._reason:
            raise Ended("❌ " + _("Who is protected is not deleted without a reason. Nothing was changed."))
        if not self._force:
            self._force = ask(_("Type 'FORCE' to delete who is protected:"), _) == FORCE
        if not self._force:
            raise Ended("❌ " + _("Cancelled. Nothing was changed."), 0)

    def _back_up(self) -> KlarFile:
        backup = write_backup(self._memory.store, self._folder, clock.now)
        if not self._run.json:
            write("\n💾 " + self._("Backup made: {path}").format(path=backup.path))
            if self._run.settings.backup_passphrase or self._run.settings.backup_passphrase_file:
                write("   " + self._("It is not encrypted, unlike the restore point: keep it safe, or delete it."))
        return backup

    def _done(self, operation: Operation, backup: KlarFile, said: str) -> Outcome:
        _ = self._
        if self._run.json:
            made = {"path": str(backup.path), "users": backup.users, "size_bytes": backup.size_bytes}
            return Outcome(0, {"operation": operation, "backup": made})
        write("✅ " + said)
        if operation.restore_point is not None:
            write("   " + _("Restore point: {name}").format(name=operation.restore_point))
            write("   " + _("Back with: {command}").format(command=self._run.command("undo", operation.id)))
        close(_)
        return Outcome()


def close(translate: Translate) -> None:
    """Say that all is done."""
    _ = translate
    write(f"\n{_LINE}\n✅ {_('THE PROCESS IS DONE')}\n{_LINE}")


def write(text: str) -> None:
    """Write lines to standard output; signs that it cannot show stand there as question marks."""
    click.echo(_encodable(text))


def ask(question: str, translate: Translate) -> str:
    """Ask, and return the line that was typed; Ended when there is nobody to type."""
    click.echo(_encodable(question) + " ", nl=False)
    try:
        line = sys.stdin.readline()
    except UnicodeDecodeError:
        raise InvalidText("What was typed is no UTF-8. Nothing was changed.") from None
    if not sys.stdin.isatty():
        click.echo()
    if not line:
        raise Ended("❌ " + translate("The input has ended, so nothing was changed."))
    return line.rstrip("\r\n")


def _encodable(text: str) -> str:
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def _shown(text: str | None) -> str:
    return printable(text).replace("\n", " ") if text else "-"


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _why(user: User, reasons: tuple[str, ...]) -> str:
    """Return what protects a user, flags with their values."""
    flags = {f"flags.{name}": f"{name}: {value!r}"[:80] for name, value in user.flags.items()}
    return printable(", ".join(flags.get(each, each) for each in reasons))
