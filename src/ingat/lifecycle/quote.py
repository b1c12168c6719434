"""The answer without a language model: quotes of what is remembered, with their dates."""

from __future__ import annotations

from ingat.core.context import Context
from ingat.core.dates import day_of
from ingat.core.i18n import translator
from ingat.core.records import Hit
from ingat.lifecycle.context import asked_for
from ingat.lifecycle.turn import Answer
from ingat.services.recall import Recaller

QUOTES = 3
"""Lines quoted."""
LOOKED_AT = 12
"""Lines looked at, among which answers of ours are passed over, and questions when something was told."""
LONGEST_QUOTE = 300
"""Characters of a line that are quoted."""


class Quoter:
    """Answers by quoting what the person said before and what was remembered of them; it says so each time."""

    def __init__(self, recaller: Recaller, language: str = "en") -> None:
        self._recaller, self._translate = recaller, translator(language)

    def __call__(self, text: str, context: Context) -> Answer:
        """Return up to three quotes that fit the text, or that nothing does."""
        _ = self._translate
        said_now = [message.id for message in context.messages[-1:]]
        recall = self._recaller.recall(context.user_id, asked_for(text), LOOKED_AT, exclude=said_now)
        theirs = [hit for hit in recall.hits if hit.role in (None, "user")]
        told = [hit for hit in theirs if not _asks(hit)]
        hits = (told or theirs)[:QUOTES]
        if not hits:
            return Answer(
                _(
                    "I have kept that. I remember nothing that fits;"
                    " no language model is connected, so I can only quote."
                ),
                quoted=(),
            )
        heading = _("No language model is connected, so I quote what I remember:")
        return Answer("\n".join((heading, *(f"- {self._quote(hit)}" for hit in hits))), quoted=tuple(hits))

    def _quote(self, hit: Hit) -> str:
        day = day_of(hit.at)
        text = " ".join(hit.text.split())
        if len(text) > LONGEST_QUOTE:
            text = text[:LONGEST_QUOTE].rstrip() + "…"
        return f"{day}: “{text}”"


def _asks(hit: Hit) -> bool:
    return hit.text.rstrip().endswith(("?", "？", "؟"))
