"""`ingat doctor` and `ingat reindex`: whether the store is well, and rebuilding what is derived."""

from __future__ import annotations

import click

from ingat.cli.command import Command, Option
from ingat.cli.failures import FAILED
from ingat.cli.generated import action_of, deliver
from ingat.cli.language import mark
from ingat.cli.progress import busy, counting
from ingat.cli.run import current_run
from ingat.core.errors import StoreUnavailable
from ingat.core.urls import without_password
from ingat.store.open import is_there, lasts


def _doctor() -> None:
    run = current_run()
    if lasts(run.settings.store) and not is_there(run.settings.store):
        raise StoreUnavailable(
            f"There is no store at {without_password(run.settings.store)}, so there is nothing to look through. Nothing"
            " was made; see that --store, INGAT_STORE and the working folder are those of your store."
        )
    with run.memory() as memory, busy(run, run.translate("Looking through the store")):
        checks, memories = memory.doctor(), memory.stats().memories.total
    deliver(run, action_of("doctor"), checks)
    if not run.json:
        run.say(f"Memory count: {memories}")  # as it is in every language: operators look for it
    if any(check.state == "bad" for check in checks):
        click.get_current_context().exit(FAILED)


def _reindex(user_id: str | None) -> None:
    run = current_run()
    _ = run.translate

    def interrupted(done: int, total: int) -> str:
        if not total:
            return _("Interrupted. No user's index was rebuilt; run it again. What was said is untouched.")
        text = _(
            "Interrupted. The index of {done} of {total} users was rebuilt; run it again to rebuild the rest and the"
            " vectors. What was said is untouched."
        )
        return text.format(done=f"{done:,}", total=f"{total:,}")

    with run.memory() as memory, counting(run, _("Reading users"), interrupted) as tell:
        written = memory.reindex(user_id, progress=tell)
    if run.json:
        run.print_json({"entries": written})
    else:
        run.say(run.count(written, _("{number} entry was written anew."), _("{number} entries were written anew.")))


doctor = Command(
    "doctor",
    callback=_doctor,
    help=mark("Check rows, counters and index.")
    + "\n\n"
    + mark("Reads only, and makes no store. The exit code is 1 when something is bad, or there is no store."),
)
reindex = Command(
    "reindex",
    callback=_reindex,
    help=mark("Rebuild the recall index.")
    + "\n\n"
    + mark("What was said is not touched: terms and vectors are made anew from it."),
    params=[Option(["--user", "user_id"], metavar="USER", help=mark("id or alias of the user; without it, all"))],
)
