"""Readers of the file formats that evaluation knows: LoCoMo as it is published, and BEAM reduced to what is asked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ingat.core.errors import InvalidFile, InvalidId
from ingat.core.ids import check_id
from ingat.core.records import Attachment
from ingat.evaluation.dataset import Conversation, Dataset, DatasetKind, Line, Meeting, Question

ADVERSARIAL = 5
"""LoCoMo's category of questions that have no answer in the conversation; they are not scored."""
CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open", 4: "single-hop"}

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_LINE_ID = re.compile(r"D:?(\d+):(\d+)")
_LOCOMO_TIME = re.compile(r"(\d{1,2}):(\d{2})\s*([ap])m\s+on\s+(\d{1,2})\s+([a-z]+),?\s+(\d{4})", re.IGNORECASE)
_BEAM_DATE = re.compile(r"([a-z]+)-(\d{1,2})-(\d{4})", re.IGNORECASE)


class _LocomoQuestion(Struct):
    question: str
    category: int
    evidence: list[str] = []


class _LocomoTurn(Struct):
    speaker: str
    dia_id: str
    text: str = ""
    blip_caption: str | None = None
    query: str | None = None


class _Locomo(Struct):
    conversation: dict[str, Any]
    qa: list[_LocomoQuestion]
    sample_id: str | int


class _BeamMessage(Struct):
    id: int | str
    session: int | str
    role: Literal["user", "assistant"]
    content: str
    date: str | None = None


class _BeamQuestion(Struct):
    question: str
    category: str
    gold: list[int | str]


class _Beam(Struct):
    id: int | str
    messages: list[_BeamMessage]
    questions: list[_BeamQuestion]


def read_dataset(kind: str, path: str | Path) -> Dataset:
    """Return the dataset of a file: `locomo` in its published format, or `beam` in the reduced one.

    A question is kept when at least one line of the file is named to answer it; LoCoMo's adversarial ones are left
    out. Raises InvalidFile when the file is missing, is not in that format, or holds no question that can be scored.
    """
    if kind not in get_args(DatasetKind):
        raise InvalidFile(f"There is no format {kind!r}; known: {', '.join(get_args(DatasetKind))}.", kind=kind)
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise InvalidFile(f"The file {path} cannot be read: {error.strerror or error}.") from error
    read: Callable[[bytes], Dataset] = read_locomo if kind == "locomo" else read_beam
    try:
        dataset = read(raw)
    except InvalidFile as error:
        raise InvalidFile(f"{path}: {error.message}", **error.details) from error
    if not any(conversation.questions for conversation in dataset.conversations):
        raise InvalidFile(f"{path}: the file holds no question that can be scored.")
    return dataset


def read_locomo(raw: bytes) -> Dataset:
    """Return the dataset of a LoCoMo file (a list of conversations with `sample_id`, `conversation` and `qa`)."""
    conversations, skipped = [], 0
    for item in _decode(raw, list[_Locomo], "LoCoMo"):
        user_id = _id("locomo", item.sample_id)
        meetings = _locomo_meetings(user_id, item.conversation)
        known = {line.id for meeting in meetings for line in meeting.lines}
        questions = []
        for asked in item.qa:
            gold = frozenset(_locomo_id(user_id, found) for found in _LINE_ID.finditer(" ".join(asked.evidence)))
            if asked.category == ADVERSARIAL:
                continue
            if not gold & known or not asked.question.strip():
                skipped += 1
                continue
            category = CATEGORIES.get(asked.category, str(asked.category))
            questions.append(Question(text=asked.question, category=category, gold=gold & known))
        conversations.append(Conversation(user_id=user_id, meetings=meetings, questions=tuple(questions)))
    return _dataset("locomo", conversations, skipped)


def read_beam(raw: bytes) -> Dataset:
    """Return the dataset of a reduced BEAM file (a list of chats with `id`, `messages` and `questions`)."""
    conversations, skipped = [], 0
    for item in _decode(raw, list[_Beam], "BEAM"):
        user_id = _id("beam", item.id)
        meetings = _beam_meetings(user_id, item.messages)
        known = {line.id for meeting in meetings for line in meeting.lines}
        questions = []
        for asked in item.questions:
            gold = frozenset(f"{user_id}:{each}" for each in asked.gold) & known
            if not gold or not asked.question.strip():
                skipped += 1
                continue
            questions.append(Question(text=asked.question, category=asked.category, gold=gold))
        conversations.append(Conversation(user_id=user_id, meetings=meetings, questions=tuple(questions)))
    return _dataset("beam", conversations, skipped)


def _locomo_meetings(user_id: str, conversation: Mapping[str, Any]) -> tuple[Meeting, ...]:
    numbers = sorted(int(name[8:]) for name in conversation if re.fullmatch(r"session_\d+", name))
    meetings: list[Meeting] = []
    for number in numbers:
        stated = conversation.get(f"session_{number}_date_time")
        if not isinstance(stated, str):
            raise InvalidFile(f"{user_id}: session {number} has no date.")
        at = _locomo_time(stated, f"{user_id}, session {number}")
        try:
            turns = msgspec.convert(conversation[f"session_{number}"], list[_LocomoTurn])
        except msgspec.ValidationError as error:
            raise InvalidFile(f"{user_id}: session {number} cannot be read: {error}.") from error
        lines = [_locomo_line(user_id, turn, at) for turn in turns if turn.text.strip() or turn.blip_caption]
        meetings.append(Meeting(id=f"{user_id}:{number}", at=at, lines=tuple(lines)))
    return _with_own_ids(meetings)


def _locomo_line(user_id: str, turn: _LocomoTurn, at: int) -> Line:
    found = _LINE_ID.fullmatch(turn.dia_id.strip())
    if found is None:
        raise InvalidFile(f"{user_id}: {turn.dia_id!r} is not the id of a turn, such as D1:3.")
    # a picture is named by the words that it was searched with
    picture = Attachment(kind="image", caption=turn.blip_caption, name=turn.query) if turn.blip_caption else None
    return Line(
        id=_locomo_id(user_id, found),
        role="user",
        content=turn.text,
        at=at,
        author=turn.speaker,
        attachments=(picture,) if picture else (),
    )


def _beam_meetings(user_id: str, messages: Sequence[_BeamMessage]) -> tuple[Meeting, ...]:
    dates = [_beam_date(each.date, user_id) if each.date else None for each in messages]
    at = next((date for date in dates if date is not None), 0)
    by_session: dict[str, list[Line]] = {}
    for message, date in zip(messages, dates, strict=True):
        at = at if date is None else date  # an undated message was said when the one before it was
        if message.content.strip():
            line = Line(id=f"{user_id}:{message.id}", role=message.role, content=message.content, at=at)
            by_session.setdefault(str(message.session), []).append(line)
    return _with_own_ids(
        [
            Meeting(id=f"{user_id}:session-{name}", at=lines[0].at, lines=tuple(lines))
            for name, lines in by_session.items()
        ]
    )


def _dataset(kind: DatasetKind, conversations: Sequence[Conversation], skipped: int) -> Dataset:
    ids = [each.user_id for each in conversations]
    for each in ids:
        if ids.count(each) > 1:
            raise InvalidFile(f"The conversation {each!r} is there twice.")
    return Dataset(kind=kind, conversations=tuple(conversations), skipped=skipped)


def _with_own_ids(meetings: Sequence[Meeting]) -> tuple[Meeting, ...]:
    """Return the sessions with a mark on each turn's id that came before, so that the turn is not lost."""
    times: Counter[str] = Counter()
    found: list[Meeting] = []
    for meeting in meetings:
        lines: list[Line] = []
        for line in meeting.lines:
            times[line.id] += 1
            lines.append(line if times[line.id] == 1 else replace(line, id=f"{line.id}~{times[line.id]}"))
        found.append(replace(meeting, lines=tuple(lines)))
    return tuple(found)


def _decode(raw: bytes, kind: Any, name: str) -> list[Any]:
    try:
        return cast("list[Any]", msgspec.json.decode(raw, type=kind))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidFile(f"This is not a {name} file: {error}.") from error


def _id(kind: str, given: str | int) -> str:
    try:
        return check_id(f"{kind}:{given}", "conversation's id")
    except InvalidId as error:
        raise InvalidFile(error.message) from error


def _locomo_id(user_id: str, found: re.Match[str]) -> str:
    return f"{user_id}:D{int(found[1])}:{int(found[2])}"


def _locomo_time(text: str, where: str) -> int:
    """Return the moment of `1:56 pm on 8 May, 2023`, taken as UTC."""
    found = _LOCOMO_TIME.fullmatch(text.strip())
    if found is None:
        raise InvalidFile(f"{where}: {text!r} is not a date such as '1:56 pm on 8 May, 2023'.")
    hour = int(found[1]) % 12 + (12 if found[3].lower() == "p" else 0)
    return _moment(int(found[6]), found[5], int(found[4]), hour, int(found[2]), where)


def _beam_date(text: str, where: str) -> int:
    """Return the first moment of `March-15-2024`, taken as UTC."""
    found = _BEAM_DATE.fullmatch(text.strip())
    if found is None:
        raise InvalidFile(f"{where}: {text!r} is not a date such as 'March-15-2024'.")
    return _moment(int(found[3]), found[1], int(found[2]), 0, 0, where)


def _moment(year: int, month: str, day: int, hour: int, minute: int, where: str) -> int:
    try:
        moment = datetime(year, _MONTHS.index(month.lower()) + 1, day, hour, minute, tzinfo=UTC)
    except ValueError as error:
        raise InvalidFile(f"{where}: {day} {month} {year} {hour}:{minute:02} is not a date: {error}.") from error
    return max(0, int(moment.timestamp()) * 1_000)
