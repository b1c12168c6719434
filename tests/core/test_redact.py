"""No secret that can be seen gets into a log; everything else does."""

from __future__ import annotations

import json

import pytest

from ingat.core.redact import REDACTED, redact, redact_text
from ingat.services.keys import PREFIX

OWN = f"{PREFIX}abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

SECRETS = {
    "an access key of ours": (f"opened with {OWN} today", OWN),
    "an access key in a URL": (f"GET /?key={OWN} HTTP/1.1", OWN),
    "a key of another kind in a URL": ("GET /?page=2&key=hunter2hunter2 HTTP/1.1", "hunter2"),
    "a bearer header": ("Authorization: Bearer abcd.efgh", "abcd.efgh"),
    "a bearer alone": ("sent Bearer s3cr3t-value", "s3cr3t-value"),
    "a lower-case bearer": ("bearer s3cr3t-value", "s3cr3t-value"),
    "a basic header": ("authorization: Basic QWxhZGRpbjpvcGVu", "QWxhZGRp"),
    "a provider's key": ("failed with sk-proj-abcdefghijklmnop1234", "abcdefghijklmnop"),
    "a signed token": ("token eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2lnbmF0", "eyJzdWIi"),
    "a password": ("password=hunter2, next", "hunter2"),
    "a password in quotes": ('password: "hunter two" next', "hunter two"),
    "a password with a quote in it": ('{"password": "hun\\"ter2"}', "ter2"),
    "a quote that never ends": ('password="hunter2', "hunter2"),
    "JSON in a text": ('{\\"token\\":\\"abc def\\",\\"x\\":1}', "abc def"),
    "a Python dict": ("{'api_key': 'abc123'}", "abc123"),
    "a header of a vendor": ("X-Api-Key: abc123", "abc123"),
    "a cookie": ("Cookie: a=b; c=dee", "dee"),
    "a cookie that is set": ("Set-Cookie: ingat_8081=abcdef; Path=/", "abcdef"),
    "a database's URL": ("postgres://ingat:hunter2@db/ingat", "hunter2"),
    "a private key": ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE"),
    "an Indonesian password": ("kata sandi: rahasia1", "rahasia1"),
    "a password with an at sign in a URL": ("postgresql://ingat:hunter2@x@db/ingat", "hunter2@x"),
    "a token before the host": ("https://hunter2hunter2hunter2@example.org/x", "hunter2"),
    "a private key with a header": (
        "-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: AES-128\nMIIE\n-----END RSA PRIVATE KEY-----",
        "MIIE",
    ),
    "a private key that was cut off": ("-----BEGIN PRIVATE KEY-----\nMII-E", "MII-E"),
    "a header as Python shows it": ("[('authorization', 'Basic Zm9vOmJhcg==')]", "Zm9v"),
    "a header of bytes": ("(b'x-api-key', b'hunter2')", "hunter2"),
    "a cookie of bytes": ("(b'cookie', b'sid=hunter2')", "hunter2"),
    "an encoded form": ("body api_key%3Dhunter2", "hunter2"),
    "an option of a command": ("failed: psql --password hunter2", "hunter2"),
    "a key among options": ("ingat watch --key hunter2 --once", "hunter2"),
    "a signed URL": ("GET /x?expires=1&X-Amz-Signature=hunter2", "hunter2"),
    "the address of a Telegram bot": (
        "https://api.telegram.org/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage",
        "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
    ),
    "the address of a WhatsApp bot": (
        "https://api.green-api.com/waInstance1101000001/sendMessage/d75b3a66374942c5b3c019c698abc2067e15",
        "d75b3a66374942c5b3c019c698abc2067e15",
    ),
    "a one-time password": ("otp: 123456", "123456"),
}


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS)
def test_a_secret_in_a_text_is_replaced(text: str, secret: str) -> None:
    told = redact_text(text)

    assert secret not in told
    assert REDACTED in told


@pytest.mark.parametrize("text", [text for text, _ in SECRETS.values()], ids=SECRETS)
def test_what_was_redacted_stays_as_it_is(text: str) -> None:
    assert redact_text(redact_text(text)) == redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "Session created: 0190f3a1b2c3d4e5f60718293a4b5c6d",
        "Recalled 3 memories",
        "tokens: 12 of 4000",
        "the bearer of good news came",
        "a basic understanding of keys",
        "the key was lost under the mat",
        "http://127.0.0.1:8081/v1/users?limit=5",
        "bypass: on, compass=north, 3 pass",
        "spinning: 3, desktop: 4",
        "read '/bot12' in ('keys', 'names') --key",
        "",
    ],
    ids=range(11),
)
def test_what_is_no_secret_is_kept(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "name",
    ["key", "token", "secret", "password", "authorization", "Cookie", "api_key", "apiKey", "X-Api-Key", "accessToken",
     "client_secret", "PASSWORD", "db_passwd", "refresh_tokens", "kata_sandi"],
)  # fmt: skip
def test_a_value_under_the_name_of_a_secret_is_replaced(name: str) -> None:
    assert redact({name: "abc"}) == {name: REDACTED}
    assert redact({name: ["abc", {"deep": "abc"}]}) == {name: REDACTED}


@pytest.mark.parametrize(
    "data",
    [{"token_count": 3}, {"tokens": 12}, {"key_id": "k1"}, {"keyword": "fan"}, {"monkey": "abc"}, {"secret": None},
     {"password": False}, {"max_tokens": 100}],
    ids=str,
)  # fmt: skip
def test_a_value_under_a_name_that_is_like_one_is_kept(data: dict[str, object]) -> None:
    assert redact(data) == data


def test_secrets_are_found_at_every_depth() -> None:
    deep = {"a": [{"b": {"headers": {"authorization": "x1y2"}, "text": f"with {OWN}"}}], OWN: 1}

    told = json.dumps(redact(deep))

    assert "x1y2" not in told
    assert OWN not in told


def test_a_secret_in_a_list_of_headers_is_replaced() -> None:
    headers = [["host", "x"], ["Authorization", "Basic Zm9v"], ("x-api-key", "abc"), ["cookie", "a=b"]]

    assert redact(headers) == [["host", "x"], *([name, REDACTED] for name in ("Authorization", "x-api-key", "cookie"))]


def test_a_list_of_two_words_is_kept() -> None:
    assert redact(["key", "value"]) == ["key", "value"]


def test_the_value_that_was_given_is_left_alone() -> None:
    given = {"password": "abc", "inside": {"token": "abc"}}
    redact(given)

    assert given == {"password": "abc", "inside": {"token": "abc"}}


@pytest.mark.parametrize(
    "piece",
    ["token", "password=\\\"", "cookie: ", "bearer ", "a://", "'", "\\\"", "-----BEGIN ", "eyJ", "key=", "\\",
     "-----BEGIN PRIVATE KEY-----", "--a-a-", "--key ", "&a-", "://:@", "a://a", "'token', b'", "/bot1"],
    ids=range(19),
)  # fmt: skip
def test_no_text_makes_it_look_for_ever(piece: str) -> None:
    assert redact_text(piece * 4_000) is not None


@pytest.mark.parametrize("given", [[{"a": 1}, {"b": 2}], [["a"], "b"], [None, "x"], [1, 2]])
def test_a_pair_that_is_no_header_stays_as_it_is(given: list[object]) -> None:
    """A pair of objects once ended the request with a fault: only texts name secrets."""
    assert redact(given) == given
