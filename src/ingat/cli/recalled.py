"""Recalled lines, contexts and exchanges for people: when, who, what and why."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ingat.cli.harmless import printable
from ingat.cli.language import mark
from ingat.cli.run import Run, local_time
from ingat.core.context import Context, message_text
from ingat.core.i18n import Translate
from ingat.core.records import Hit, NearMiss, Recall, ScorePart, Turn

MOST_SHOWN, MOST_OF_MISS = 400, 160
"""Characters that people are shown of a hit and of a near miss; JSON has them whole."""
_MODES = {"words": mark("by words"), "words+vectors": mark("by words and meaning")}
PARTS = (
    mark("words"),
    mark("coverage"),
    mark("pairs"),
    mark("vector"),
    mark("next_turn"),
    mark("answer"),
    mark("when"),
    mark("author"),
    mark("session"),
    mark("gives_way"),
    mark("base"),
)
"""What a score is made of."""
REASONS = (
    mark("it came after the last hit that was asked for"),
    mark("it shares no word with the question and is not close enough in meaning"),
)


def show_hits(run: Run, recall: Recall) -> None:
    """Write the hits, each with its date, who said it, the text and why it was chosen; then the near misses."""
    _ = run.translate
    if not recall.hits:
        run.say(_("Nothing that is remembered fits the question."))
    for number, hit in enumerate(recall.hits, 1):
        if number > 1:
            run.say("")
        _show_hit(run, number, hit)
    if recall.near_misses:
        run.say("")
        run.draw(Text(_("Not chosen:"), style="bold"))
        for miss in recall.near_misses:
            _show_miss(run, miss)
    told = []
    if recall.hits:
        found = run.count(len(recall.hits), _("{number} line"), _("{number} lines"))
        told.append(f"{found}, {_(_MODES[recall.mode])}.")
    if recall.note:
        told.append(recall.note)
    if told:
        run.note(" ".join(told))


def _show_hit(run: Run, number: int, hit: Hit) -> None:
    head = Text.assemble(
        (f"{number}. ", "bold"), (local_time(hit.at), "cyan"), "  ", (printable(who(run.translate, hit)), "bold")
    )
    run.draw(head)
    run.draw(Padding(Text(shortened(printable(hit.text), MOST_SHOWN)), (0, 0, 0, 3)))
    run.draw(Padding(Text(why(run.translate, hit.why), style="dim"), (0, 0, 0, 3)))
    if hit.parts:
        run.draw(Padding(_parts_table(run, hit.parts, hit.score), (0, 0, 0, 3)))


def _show_miss(run: Run, miss: NearMiss) -> None:
    short = shortened(" ".join(printable(miss.text).split()), MOST_OF_MISS)
    run.draw(Padding(Text.assemble((f"{miss.score:.3f}  ", "dim"), short), (0, 0, 0, 3)))
    run.draw(Padding(Text(_why_not(run.translate, miss.why_not), style="dim"), (0, 0, 0, 10)))


def shortened(text: str, most: int) -> str:
    """Return the text, cut with … where it has more characters than `most`."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _parts_table(run: Run, parts: Sequence[ScorePart], score: float) -> Table:
    _ = run.translate
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1))
    table.add_column(_("part"))
    table.add_column(_("score"), justify="right")
    for part in parts:
        if abs(part.value) >= 0.0005:
            table.add_row(Text(_(part.name)), f"{part.value:.3f}")
    table.add_section()
    table.add_row(_("together"), f"{score:.3f}")
    return table


def who(translate: Translate, hit: Hit) -> str:
    """Return who a line is from: the author, else the role, else the kind of memory."""
    return hit.author or translate(hit.role or hit.source)


def why(translate: Translate, reason: str) -> str:
    """Return in the reader's language why a line was chosen."""
    if reason.startswith("shares ") and reason.endswith(" with the question"):
        words = reason.removeprefix("shares ").removesuffix(" with the question")
        return translate("shares {words} with the question").format(words=words)
    if reason.startswith("close in meaning: cosine ") and ", needed " in reason:
        cosine, needed = reason.removeprefix("close in meaning: cosine ").split(", needed ")
        return translate("close in meaning: cosine {cosine}, needed {needed}").format(cosine=cosine, needed=needed)
    return translate(reason)


def _why_not(translate: Translate, reason: str) -> str:
    if reason.startswith("it is outside the filter "):
        name = reason.removeprefix("it is outside the filter ")
        return translate("it is outside the filter {name}").format(name=name)
    return translate(reason)


def show_context(run: Run, context: Context) -> None:
    """Write what a model is given: profile, recalled lines, messages, and how much of the budget they take."""
    _ = run.translate
    if context.profile:
        _section(run, _("Profile"), context.profile)
    if context.recalled:
        lines = [f"{local_time(hit.at)}  {who(_, hit)}: {' '.join(hit.text.split())}" for hit in context.recalled]
        _section(run, _("Recalled"), "\n".join(lines))
    if context.messages:
        said = [f"{each.author or _(each.role)}: {message_text(each)}" for each in context.messages]
        _section(run, _("Messages"), "\n".join(said))
    used = _("{tokens} of {budget} tokens, {mode}.").format(
        tokens=f"{context.tokens:,}", budget=f"{context.budget:,}", mode=_(_MODES[context.mode])
    )
    if context.left_out:
        used += " " + _("{number} older messages did not fit; they are kept.").format(number=f"{context.left_out:,}")
    if context.cut:
        used += " " + _("The last message did not fit whole and was cut here; it is kept whole.")
    run.note(used)


def _section(run: Run, title: str, text: str) -> None:
    run.draw(f"[bold]{escape(title)}[/bold]")
    run.draw(Padding(Text(printable(text)), (0, 0, 1, 2)))


def show_turn(run: Run, turn: Turn) -> None:
    """Write the answer."""
    run.say(turn.answer.content)
