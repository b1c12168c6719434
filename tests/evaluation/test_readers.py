from __future__ import annotations

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingat.core.errors import InvalidFile
from ingat.evaluation.dataset import Dataset
from ingat.evaluation.readers import read_dataset
from tests.evaluation.files import BEAM, LOCOMO, written


def _ms(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1_000)  # type: ignore[arg-type, misc]


@pytest.fixture
def locomo(tmp_path: Path) -> Dataset:
    return read_dataset("locomo", written(tmp_path, LOCOMO))


@pytest.fixture
def beam(tmp_path: Path) -> Dataset:
    return read_dataset("beam", written(tmp_path, BEAM))


def test_a_locomo_conversation_is_a_user_with_its_dated_sessions(locomo: Dataset) -> None:
    (conversation,) = locomo.conversations

    assert conversation.user_id == "locomo:garden-1"
    assert [(each.id, each.at, len(each.lines)) for each in conversation.meetings] == [
        ("locomo:garden-1:1", _ms(2025, 2, 3, 9, 5), 3),
        ("locomo:garden-1:2", _ms(2025, 3, 14, 12, 30), 2),
    ]


def test_both_locomo_speakers_are_users_with_their_names(locomo: Dataset) -> None:
    lines = [line for _, meeting in locomo.meetings() for line in meeting.lines]

    assert {line.role for line in lines} == {"user"}
    assert [line.author for line in lines] == ["Rani", "Tomas", "Rani", "Tomas", "Rani"]


def test_the_caption_of_a_locomo_picture_is_kept_and_its_search_words_are_not(locomo: Dataset) -> None:
    line = locomo.conversations[0].meetings[0].lines[2]

    (picture,) = line.attachments
    assert (line.content, picture.caption) == ("Look at this.", "a heron standing on one leg")


def test_evidence_is_read_in_the_spellings_that_occur(locomo: Dataset) -> None:
    question = locomo.conversations[0].questions[1]

    assert question.gold == {"locomo:garden-1:D1:1", "locomo:garden-1:D2:2"}


def test_adversarial_questions_are_left_out_and_those_without_evidence_counted_as_skipped(locomo: Dataset) -> None:
    assert [each.text for _, each in locomo.questions()] == [
        "What did Rani dig?",
        "What is in the greenhouse?",
        "Which bird did Rani see?",
    ]
    assert locomo.skipped == 1


@pytest.mark.parametrize(
    ("stated", "moment"),
    [("12:05 am on 1 January, 2024", (2024, 1, 1, 0, 5)), ("12:05 pm on 31 December, 2024", (2024, 12, 31, 12, 5))],
)
def test_noon_and_midnight_are_told_apart(tmp_path: Path, stated: str, moment: tuple[int, ...]) -> None:
    content = copy.deepcopy(LOCOMO)
    content[0]["conversation"]["session_1_date_time"] = stated

    assert read_dataset("locomo", written(tmp_path, content)).conversations[0].meetings[0].at == _ms(*moment)


def test_a_beam_chat_is_a_user_with_its_sessions(beam: Dataset) -> None:
    (conversation,) = beam.conversations

    assert conversation.user_id == "beam:7"
    assert [(each.at, [line.role for line in each.lines]) for each in conversation.meetings] == [
        (_ms(2024, 3, 15), ["user", "assistant"]),
        (_ms(2024, 4, 2), ["user"]),
    ]
    assert {line.author for _, meeting in beam.meetings() for line in meeting.lines} == {None}


def test_an_undated_beam_message_has_the_date_of_the_one_before(beam: Dataset) -> None:
    first, second = beam.conversations[0].meetings[0].lines

    assert first.at == second.at == _ms(2024, 3, 15)


def test_unknown_gold_is_dropped(beam: Dataset) -> None:
    assert [sorted(each.gold) for _, each in beam.questions()] == [["beam:7:0", "beam:7:1"], ["beam:7:2"]]
    assert beam.skipped == 1


def test_a_turn_whose_id_came_before_is_kept_under_another(tmp_path: Path) -> None:
    content = copy.deepcopy(LOCOMO)
    content[0]["conversation"]["session_2"][0]["dia_id"] = "D1:1"
    dataset = read_dataset("locomo", written(tmp_path, content))

    assert [line.id for line in dataset.conversations[0].meetings[1].lines] == [
        "locomo:garden-1:D1:1~2",
        "locomo:garden-1:D2:2",
    ]


def test_two_conversations_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="is there twice"):
        read_dataset("locomo", written(tmp_path, LOCOMO * 2))


def _without_date(item: dict[str, Any]) -> None:
    del item["conversation"]["session_1_date_time"]


def _odd_date(item: dict[str, Any]) -> None:
    item["conversation"]["session_1_date_time"] = "30 February, 2025"


def _impossible_date(item: dict[str, Any]) -> None:
    item["conversation"]["session_1_date_time"] = "9:05 am on 30 February, 2025"


def _odd_turn(item: dict[str, Any]) -> None:
    item["conversation"]["session_1"][0]["dia_id"] = "first"


def _no_speaker(item: dict[str, Any]) -> None:
    del item["conversation"]["session_1"][0]["speaker"]


def _odd_id(item: dict[str, Any]) -> None:
    item["sample_id"] = "../garden"


def _nothing_to_score(item: dict[str, Any]) -> None:
    item["qa"] = item["qa"][3:]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_without_date, "session 1 has no date"),
        (_odd_date, "not a date such as"),
        (_impossible_date, "is not a date"),
        (_odd_turn, "not the id of a turn"),
        (_no_speaker, "speaker"),
        (_odd_id, "may not hold"),
        (_nothing_to_score, "no question that can be scored"),
    ],
)
def test_a_spoiled_file_is_refused_by_name_and_with_the_reason(tmp_path: Path, spoil: Any, said: str) -> None:
    content = copy.deepcopy(LOCOMO)
    spoil(content[0])
    path = written(tmp_path, content)

    with pytest.raises(InvalidFile) as caught:
        read_dataset("locomo", path)

    assert str(path) in caught.value.message
    assert said in caught.value.message


@pytest.mark.parametrize("content", ["", "{", "{}", "[1]", '"text"', '[{"id": 1}]', LOCOMO])
def test_what_is_no_beam_file_is_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(InvalidFile, match="not a BEAM file"):
        read_dataset("beam", written(tmp_path, content))


def test_a_missing_file_and_an_unknown_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="cannot be read"):
        read_dataset("locomo", tmp_path / "missing.json")
    with pytest.raises(InvalidFile, match="locomo, beam"):
        read_dataset("squad", written(tmp_path, LOCOMO))
