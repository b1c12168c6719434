"""The window: which of a session's newest messages a context shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from ingat.core.context import message_text
from ingat.core.records import Message
from ingat.core.tokens import MESSAGE_OVERHEAD_TOKENS, Tokenizer, cut_to_tokens

CUT_MARK = " […]"
STEPS = 8
"""The window's start moves on by this part of the role's budget at a time, so that prompt caches can hit."""
LEAD_SHARE = 4
"""A question whose answer fills the budget keeps this part of it, where that is enough to show anything."""
SMALLEST_WINDOW = 32
"""Tokens that are kept for messages before recalled lines take their part, so that the last one can be shown."""


class Window(NamedTuple):
    """The messages shown, oldest first, with what they cost; `cut` says that one of them is not whole."""

    messages: list[Message]
    tokens: int
    cut: bool


def window(newest: Sequence[Message], budget: int, total: int, step: int, count: Tokenizer) -> Window:
    """Return the part of `newest` (a session's tail, oldest first) that is shown within `budget` tokens.

    `total` is what all messages of the session cost, `step` how far the window's start moves at a time. Exchanges
    (from a user's turn to before the next) are taken whole, newest first; the last message is always there. The first
    of `newest` may be the question of an exchange of which only the end was read.
    """
    if not newest:
        return Window([], 0, False)
    starts = _exchanges(newest)
    costs = [message.tokens + MESSAGE_OVERHEAD_TOKENS for message in newest]
    last_cost = sum(costs[starts[-1] :])
    if last_cost > budget:
        return _oversized(newest[starts[-1] :], budget, count)
    skip = -(-max(0, total - budget) // step) * step
    start, spent = starts[-1], last_cost
    for place in reversed(starts[:-1]):
        more = sum(costs[place:start])
        if spent + more > budget or total - spent - more < skip:
            break
        start, spent = place, spent + more
    return Window(list(newest[start:]), spent, False)


def cost(message: Message) -> int:
    """Return what a message takes of a budget, in tokens."""
    return message.tokens + MESSAGE_OVERHEAD_TOKENS


def _exchanges(newest: Sequence[Message]) -> list[int]:
    """Return where exchanges start; when the tail has none, it is one exchange."""
    starts: list[int] = []
    before = ""
    for index, message in enumerate(newest):
        role = message.role
        if role == "user" and before != "user":
            starts.append(index)
        before = role
    return starts or [0]


def _oversized(exchange: Sequence[Message], budget: int, count: Tokenizer) -> Window:
    """Return as much of one exchange as fits: its last message, its question, and what came just before the last."""
    last, lead = exchange[-1], exchange[0]
    smallest = MESSAGE_OVERHEAD_TOKENS + count(CUT_MARK) + 1
    has_lead = len(exchange) > 1 and lead.role == "user" and min(cost(lead), smallest) <= budget // LEAD_SHARE
    for_lead = min(cost(lead), budget // LEAD_SHARE) if has_lead else 0
    shown, cut = [last], False
    if cost(last) > budget - for_lead:
        shown, cut = [_cut(last, budget - for_lead, count)], True
    spent = cost(shown[0])
    middle = exchange[1:-1] if has_lead else exchange[:-1]
    for message in reversed(middle):
        if spent + cost(message) > budget - for_lead:
            break
        shown.insert(0, message)
        spent += cost(message)
    if has_lead:
        kept = lead if spent + cost(lead) <= budget else _cut(lead, budget - spent, count)
        cut = cut or kept is not lead
        shown.insert(0, kept)
        spent += cost(kept)
    return Window(shown, spent, cut)


def _cut(message: Message, budget: int, count: Tokenizer) -> Message:
    """Return the beginning of a message within a budget, marked as cut."""
    room = budget - MESSAGE_OVERHEAD_TOKENS - count(CUT_MARK) - 1
    text = cut_to_tokens(message_text(message), max(0, room), count) + CUT_MARK
    return replace(message, content=text, attachments=(), tokens=count(text))
