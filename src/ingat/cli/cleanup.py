"""`ingat cleanup`: erase test users that nobody used for a while, each with a way back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence

import click
from msgspec import Struct

from ingat.cli.asking import agree
from ingat.cli.command import Command, Option
from ingat.cli.failures import FAILED
from ingat.cli.language import mark
from ingat.cli.run import Run, current_run
from ingat.cli.values import Whole
from ingat.core import clock
from ingat.core.dates import DAY_MS
from ingat.core.errors import IngatError, InvalidInput, MemoryOff, ProtectedUser, UserNotFound
from ingat.core.ids import ANONYMOUS, check_id
from ingat.core.limits import MAX_PAGE, check_limit
from ingat.core.protection import Protection
from ingat.core.records import User
from ingat.core.reports import Failure
from ingat.memory import Memory

USUAL_PREFIX = "test_"
USUAL_DAYS = 7
MOST_DAYS = 36_500
SHORTEST_PREFIX = 4
"""Characters; a shorter beginning fits people who are no test."""
REASON = "scheduled cleanup of test users"


class Erased(Struct, frozen=True, kw_only=True):
    """A test user that was erased, or would be; `operation_id` is empty after a dry run, else what `undo` takes."""

    user_id: str
    last_active_at: int
    operation_id: str
    counts: dict[str, int]


class Kept(Struct, frozen=True, kw_only=True):
    """A test user that was not erased; `why` is `protected`, `in_use` or `known_otherwise`."""

    user_id: str
    why: str


class Cleanup(Struct, frozen=True, kw_only=True):
    """What a cleanup did, or would do."""

    prefixes: tuple[str, ...]
    older_than_days: int
    erased: tuple[Erased, ...]
    kept: tuple[Kept, ...]
    failed: tuple[Failure, ...]
    dry_run: bool


_WHY = {
    "protected": mark("protected, or with an open case"),
    "in_use": mark("in use within the days given"),
    "known_otherwise": mark("known by another id too, that is no test's"),
}


def checked_prefixes(prefixes: Sequence[str]) -> tuple[str, ...]:
    """Return the beginnings of ids that mark test users, or raise InvalidInput for one that could fit real people.

    Refused are those of fewer than four characters, those without a letter (phone numbers begin so), and those of the
    stand-ins for people who are not known.
    """
    for each in prefixes:
        stripped = check_id(each, "prefix")
        if len(stripped) < SHORTEST_PREFIX or not any(character.isalpha() for character in stripped):
            raise InvalidInput(
                f"The prefix {each!r} could fit people who are no test. Nothing was deleted; give one of"
                f" {SHORTEST_PREFIX} characters or more with a letter among them, such as {USUAL_PREFIX}.",
                prefix=each,
            )
        if ANONYMOUS.startswith(stripped) or stripped.startswith(ANONYMOUS):
            raise InvalidInput(
                f"The prefix {each!r} fits everybody who is not known. Nothing was deleted; name test users by another"
                " prefix.",
                prefix=each,
            )
    return tuple(dict.fromkeys(check_id(each, "prefix") for each in prefixes))


def cleanup(
    memory: Memory,
    prefixes: Sequence[str],
    older_than_days: int,
    *,
    protection: Protection,
    reason: str,
    dry_run: bool,
    now: clock.Clock,
) -> Cleanup:
    """Erase the users whose id begins with one of the prefixes and who were last active so long ago.

    Users are read a page at a time, and each is erased by itself, with a restore point and an operation of its own.
    Those who are protected stay, and those who are also known by an id that begins otherwise: somebody merged a person
    into them. One that cannot be erased is listed under `failed`, and the rest goes on.
    """
    wanted = checked_prefixes(prefixes)
    check_limit(older_than_days, "number of days", 1, MOST_DAYS)
    before = now() - older_than_days * DAY_MS
    erased, kept, failed = list[Erased](), list[Kept](), list[Failure]()
    for user in _matching(memory, wanted):
        if any(not alias.startswith(wanted) for alias in user.aliases):
            kept.append(Kept(user_id=user.user_id, why="known_otherwise"))
            continue
        if protection.reasons(user):
            kept.append(Kept(user_id=user.user_id, why="protected"))
            continue
        last = last_active(memory, user)
        if last >= before:
            kept.append(Kept(user_id=user.user_id, why="in_use"))
            continue
        try:
            operation = memory.erase.user(user.user_id, reason=reason, dry_run=dry_run)
            erased.append(
                Erased(
                    user_id=user.user_id, last_active_at=last, operation_id=operation.id, counts=dict(operation.counts)
                )
            )
        except ProtectedUser:  # since we looked
            kept.append(Kept(user_id=user.user_id, why="protected"))
        except UserNotFound:
            continue  # another cleanup was quicker
        except MemoryOff:
            raise
        except IngatError as error:
            failed.append(Failure(id=user.user_id, code=error.code, message=error.message))
    return Cleanup(
        prefixes=wanted,
        older_than_days=older_than_days,
        erased=tuple(erased),
        kept=tuple(kept),
        failed=tuple(failed),
        dry_run=dry_run,
    )


def last_active(memory: Memory, user: User) -> int:
    """Return when something of the user was last made or said, milliseconds UTC; what jobs do does not count."""
    moments = [user.created_at, user.updated_at]
    for session in memory.sessions.list(user.user_id, limit=1).items:
        moments += [session.created_at, session.last_message_at or 0]
    for kind in ("fact", "note"):
        memories = memory.memories.list(user.user_id, kind=kind, history=True, limit=1)
        moments += [each.created_at for each in memories.items]
    moments += [each.created_at for each in memory.snapshots.list(user_id=user.user_id, limit=1).items]
    moments += [each.created_at for each in memory.artifacts.list(user_id=user.user_id, limit=1).items]
    return max(moments)


def _matching(memory: Memory, prefixes: tuple[str, ...]) -> Iterator[User]:
    """Give every user whose id begins with one of the prefixes, once."""
    for place, prefix in enumerate(prefixes):
        cursor = None
        while True:
            page = memory.users.list(MAX_PAGE, cursor=cursor, search=prefix)
            for user in page.items:
                if user.user_id.startswith(prefix) and not user.user_id.startswith(prefixes[:place]):
                    yield user
            cursor = page.next
            if cursor is None:
                break


def _cleanup(prefixes: tuple[str, ...], older_than_days: int, reason: str, dry_run: bool, yes: bool) -> None:
    run = current_run()
    protection = Protection(run.settings.protected_flags)

    def work(*, dry_run: bool) -> Cleanup:
        return cleanup(
            memory,
            prefixes,
            older_than_days,
            protection=protection,
            reason=reason,
            dry_run=dry_run,
            now=clock.now,
        )

    with run.memory() as memory:
        if not dry_run and not yes:
            plan = work(dry_run=True)
            if plan.erased:
                _ask(run, plan)
        report = work(dry_run=dry_run)
    if run.json:
        run.print_json(report)
    else:
        _show(run, report)
    if report.failed:
        click.get_current_context().exit(FAILED)


def _ask(run: Run, plan: Cleanup) -> None:
    _ = run.translate
    if not sys.stdin.isatty():
        raise click.UsageError(
            _(
                "Nobody can be asked here, so nothing was deleted. Give --yes to delete, or --dry-run to see what would"
                " go."
            )
        )
    _tell(run, plan, run.note)
    question = run.count(
        len(plan.erased),
        _("Delete {number} test user, with a way back?"),
        _("Delete {number} test users, with a way back?"),
    )
    agree(run, question, _("Nothing was deleted."))


def _show(run: Run, report: Cleanup) -> None:
    _ = run.translate
    _tell(run, report, run.say)
    if report.dry_run:
        number = run.count(
            len(report.erased), _("{number} test user would be erased."), _("{number} test users would be erased.")
        )
        run.say(number)
        run.note(_("A dry run: nothing was changed."))
    else:
        run.say(
            run.count(len(report.erased), _("{number} test user was erased."), _("{number} test users were erased."))
        )
    for failure in report.failed:
        run.note(f"{failure.id}: {failure.message}")
    if report.failed:
        run.note(_("Some of it could not be done. The rest was; run it again when the causes are gone."))


def _tell(run: Run, report: Cleanup, write: Callable[[str], None]) -> None:
    _ = run.translate
    for each in report.erased:
        rows = run.count(sum(each.counts.values()), _("{number} row"), _("{number} rows"))
        back = (
            ""
            if not each.operation_id
            else " · " + _("back with: {command}").format(command=run.command("undo", each.operation_id))
        )
        write(f"{each.user_id} · {rows}{back}")
    for kept in report.kept:
        run.note(_("{user} stays: {why}").format(user=kept.user_id, why=_(_WHY[kept.why])))


cleanup_ = Command(
    "cleanup",
    callback=_cleanup,
    help=mark("Erase test users that nobody used for a while.")
    + "\n\n"
    + mark(
        "Each gets a restore point of its own and comes back with `ingat undo`. Protected users stay. The exit code is"
        " 1 when some could not be erased."
    ),
    params=[
        Option(
            ["--prefix", "prefixes"],
            multiple=True,
            default=(USUAL_PREFIX,),
            show_default=True,
            metavar="PREFIX",
            help=mark("how the ids of test users begin; may be given again"),
        ),
        Option(
            ["--older-than-days"],
            type=Whole(),
            default=USUAL_DAYS,
            show_default=True,
            metavar="N",
            help=mark("only those not active for so many days"),
        ),
        Option(["--reason"], default=REASON, metavar="REASON", help=mark("why; kept with the operation")),
        Option(["--dry-run"], is_flag=True, help=mark("only say what would be done")),
        Option(["--yes"], is_flag=True, help=mark("delete without being asked")),
    ],
)
