"""Wrong words end with a sentence that says what to do, a code for programs, and nothing changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingat.cli.failures import _SENTENCES, Interrupted, report
from ingat.core import errors
from tests.cli.runner import Ingat


def test_an_unknown_user_is_an_error(ingat: Ingat) -> None:
    ingat.refused("users", "show", "nobody", code="user_not_found")


def test_an_error_for_people_is_a_sentence_on_standard_error(ingat: Ingat) -> None:
    ingat.said("stats")
    result = ingat("users", "show", "nobody")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no user 'nobody'.\n"


@pytest.mark.parametrize("url", ["ingat.db", "mysql://host/base", "sqlite://relative.db", "sqlite:///"])
def test_a_wrong_store_url_is_refused(ingat: Ingat, url: str) -> None:
    ingat.refused("users", "list", "--store", url, code="invalid_settings")


def test_a_plain_path_is_told_its_own_url(ingat: Ingat) -> None:
    message = ingat.refused("users", "list", "--store", "data/bot.db", code="invalid_settings")["message"]

    assert "Write sqlite:///data/bot.db instead." in message


def test_a_file_that_is_no_database_is_left_as_it_is(ingat: Ingat) -> None:
    file = ingat.folder / "letter.txt"
    file.write_text("Dear Budi, " * 100)
    ingat.refused("remember", "budi", "likes tea", "--store", f"sqlite:///{file}", code="store_corrupt")

    assert file.read_text() == "Dear Budi, " * 100


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_refused(ingat: Ingat) -> None:
    folder = ingat.folder / "closed"
    folder.mkdir(mode=0o500)

    ingat.refused("users", "list", "--store", f"sqlite:///{folder / 'x.db'}", code="store_read_only")


@pytest.mark.parametrize("command", ["import", "eval"])
def test_a_missing_file_is_refused(ingat: Ingat, command: str) -> None:
    ingat.refused(command, "locomo", "missing.json", code="invalid_file")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["recall", "budi", "x", "--since", "yesterday"], "'yesterday' is no time"),
        (["recall", "budi", "x", "--top-k", "many"], "'many' is no whole number"),
        (["recall", "budi", "x", "--kind", "dream"], "'dream' is none of message, summary, fact, note"),
        (["users", "save", "budi", "--slots", "city"], "neither key=value nor a JSON object"),
        (["users", "save", "budi", "--slots", "{city"], "is no JSON object"),
        (["users", "list", "--lang", "fr"], "'fr' is none of en, id"),
        (["users", "list", "--limt", "3"], "There is no option --limt. Did you mean: --limit?"),
        (["recall", "budi"], "'QUERY' is missing"),
        (["messages", "list", "--session", "x", "--limit", "few"], "neither a whole number nor the word all"),
    ],
)
def test_wrong_use_is_explained(ingat: Ingat, words: list[str], said: str) -> None:
    result = ingat(*words)

    assert result.exit_code == 2
    assert said in result.stderr
    assert "--help` explains" in result.stderr
    assert not (ingat.folder / "ingat.db").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["users", "save", "../x"], "invalid_id"),
        (["users", "save", "budi", "--role", "king"], "unknown_role"),
        (["users", "list", "--limit", "0"], "invalid_limit"),
        (["recall", "budi", " "], "empty_content"),
        (["remember", "budi", "a\udc80b"], "invalid_text"),
        (["messages", "append", "none", "user", "hello"], "session_not_found"),
        (["keys", "revoke", "none"], "key_not_found"),
    ],
)
def test_the_code_of_the_refusal_reaches_programs(ingat: Ingat, words: list[str], code: str) -> None:
    ingat.refused(*words, code=code)


def test_an_error_cannot_steer_the_terminal(ingat: Ingat) -> None:
    told = ingat("restore", "\x1b]0;\x07file").stderr

    assert "There is no file \ufffd]0;\ufffdfile" in told


def test_a_wrong_settings_file_is_named(ingat: Ingat) -> None:
    Path("ingat.toml").write_text("port = 'many'\n")

    assert "port in ingat.toml" in ingat.refused("users", "list", code="invalid_settings")["message"]


def test_a_second_interruption_hides_nothing_of_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        try:
            raise Interrupted("7 of 9 are in.")
        finally:
            raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        code = report(error, None, as_json=False)

    assert (code, capsys.readouterr().err) == (130, "\n7 of 9 are in.\n")


def test_every_error_that_a_command_can_meet_has_a_sentence_with_a_translation() -> None:
    everything = {each.code for each in vars(errors).values() if isinstance(each, type) and hasattr(each, "code")}
    over_http = {"rate_limited", "request_too_large", "request_timeout", "host_not_allowed", "method_not_allowed"}
    over_http |= {"internal_error"}

    assert everything - over_http - {"error"} == _SENTENCES.keys()
