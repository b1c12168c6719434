"""Browsers that have signed in."""

from __future__ import annotations

from typing import Any

import pytest

from ingat.web import browser
from ingat.web.browser import Browsers, cookie, cookie_name


def _scope(token: str = "", port: int = 8081) -> dict[str, Any]:
    return {"server": ("127.0.0.1", port), "headers": [(b"cookie", f"a=b; ingat_{port}={token}".encode())]}


def test_a_token_stands_for_a_key() -> None:
    browsers = Browsers()
    token = browsers.sign_in("ingat_secret")

    assert browsers.secret_of(_scope(token)) == "ingat_secret"
    assert "secret" not in token


@pytest.mark.parametrize("token", ["", "another", "\xff"])
def test_another_token_stands_for_nothing(token: str) -> None:
    browsers = Browsers()
    browsers.sign_in("ingat_secret")

    assert browsers.secret_of(_scope(token)) is None


def test_a_token_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [0.0]
    monkeypatch.setattr(browser, "monotonic", lambda: moment[0])
    browsers = Browsers()
    token = browsers.sign_in("ingat_secret")
    moment[0] += browser.SIGNED_IN_S

    assert browsers.secret_of(_scope(token)) is None
    assert not browsers.accepts(_scope(token), "")


def test_a_form_token_is_good_for_its_browser_only() -> None:
    browsers = Browsers()
    one, two = _scope(browsers.sign_in("x")), _scope(browsers.sign_in("x"))

    assert browsers.accepts(one, browsers.form_token_of(one))
    assert not browsers.accepts(one, browsers.form_token_of(two))
    assert not browsers.accepts(_scope(), "")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "MOST_BROWSERS", 3)
    browsers = Browsers()
    tokens = [browsers.sign_in(str(number)) for number in range(10)]

    assert [browsers.secret_of(_scope(token)) for token in tokens] == [None] * 7 + ["7", "8", "9"]


def test_servers_on_two_ports_do_not_share_a_cookie() -> None:
    assert cookie_name(_scope(port=1)) != cookie_name(_scope(port=2))
    assert cookie(_scope("t", 1), cookie_name(_scope(port=2))) is None
