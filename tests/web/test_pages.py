"""The pages, as a browser sees them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import pytest

from ingat.actions import ACTIONS
from tests.api.server import Answer, Server, running


class Browser:
    """Keeps cookies, and sends forms as a browser does; follows no redirect."""

    def __init__(self, server: Server) -> None:
        self.server, self.cookies = server, dict[str, str]()

    def open(self, path: str, **headers: str) -> Answer:
        return self._keep(self.server.ask("GET", path, key=None, headers=self._headers(**headers)))

    def send(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        sent = self._headers(**{"Content-Type": "application/x-www-form-urlencoded", **headers})
        return self._keep(self.server.ask("POST", path, urlencode(fields).encode(), key=None, headers=sent))

    def _headers(self, **headers: str) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Cookie": cookies, **{name.replace("_", "-"): value for name, value in headers.items()}}

    def _keep(self, answer: Answer) -> Answer:
        for name, value in re.findall(r"(ingat[\w]*)=([^;]*)", answer.headers.get("set-cookie", "")):
            if value.strip('"'):
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return answer


class Page(HTMLParser):
    """What a test looks for in a page."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def token(self) -> str:
        """The token that the form on the page carries."""
        return next(attrs["value"] for tag, attrs in self.tags if attrs.get("name") == "form_token")


@pytest.fixture
def browser(server: Server) -> Browser:
    return Browser(server)


@pytest.fixture
def signed_in(server: Server) -> Browser:
    browser = Browser(server)
    browser.open(f"/?key={server.admin}")
    return browser


def test_a_key_in_the_address_signs_in_and_is_gone_from_it(browser: Browser) -> None:
    answer = browser.open(f"/?key={browser.server.admin}")

    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "max-age=43200" in cookie
    assert browser.server.admin not in answer.headers["set-cookie"]
    assert "What this memory holds" in Page(browser.open("/").body).text


def test_without_a_cookie_there_is_a_form(browser: Browser) -> None:
    answer = browser.open("/")

    assert answer.status == 200
    assert [a["action"] for tag, a in Page(answer.body).tags if tag == "form"] == ["/sign-in"]


def test_the_form_signs_in(browser: Browser) -> None:
    token = Page(browser.open("/").body).token()

    answer = browser.send("/sign-in", {"key": f" {browser.server.admin} ", "form_token": token})

    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert "Sign out" in Page(browser.open("/").body).text


def test_two_forms_of_one_browser_both_work(browser: Browser) -> None:
    first = Page(browser.open("/").body).token()
    browser.open("/")

    assert browser.send("/sign-in", {"key": browser.server.admin, "form_token": first}).status == 303


@pytest.mark.parametrize("fields", [{"key": "wrong"}, {"key": ""}, {}])
def test_a_wrong_key_gets_the_form_again(browser: Browser, fields: dict[str, str]) -> None:
    token = Page(browser.open("/").body).token()

    answer = browser.send("/sign-in", {**fields, "form_token": token})

    assert answer.status == 401
    assert "unknown or revoked" in Page(answer.body).text
    assert "Sign out" not in Page(browser.open("/").body).text


def test_a_wrong_key_in_the_address_gets_the_form(browser: Browser) -> None:
    assert browser.open("/?key=wrong").status == 401


def test_a_form_without_its_token_does_not_sign_in(browser: Browser) -> None:
    browser.open("/")

    for token in ("", "another"):
        answer = browser.send("/sign-in", {"key": browser.server.admin, "form_token": token})
        assert answer.status == 403
    assert "Sign out" not in Page(browser.open("/").body).text


@pytest.mark.parametrize(
    "headers", [{"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {"Origin": "https://evil.example"}]
)
def test_a_form_of_another_site_does_nothing(browser: Browser, headers: dict[str, str]) -> None:
    token = Page(browser.open("/").body).token()

    answer = browser.send("/sign-in", {"key": browser.server.admin, "form_token": token}, **headers)

    assert (answer.status, answer.code) == (403, "forbidden")


def test_a_form_of_this_site_is_taken(browser: Browser) -> None:
    token = Page(browser.open("/").body).token()
    headers = {"Sec_Fetch_Site": "same-origin", "Origin": browser.server.url}

    assert browser.send("/sign-in", {"key": browser.server.admin, "form_token": token}, **headers).status == 303


def test_signing_out_ends_it_on_the_server_too(signed_in: Browser) -> None:
    before = dict(signed_in.cookies)
    token = Page(signed_in.open("/").body).token()

    assert signed_in.send("/sign-out", {"form_token": token}).status == 303
    signed_in.cookies = before
    assert "Sign out" not in Page(signed_in.open("/").body).text


def test_signing_out_needs_the_token_of_this_browser(signed_in: Browser, server: Server) -> None:
    other = Browser(server)
    other.open(f"/?key={server.admin}")
    token = Page(other.open("/").body).token()

    for wrong in ("", token):
        assert signed_in.send("/sign-out", {"form_token": wrong}).code == "forbidden"
    assert "Sign out" in Page(signed_in.open("/").body).text


def test_a_revoked_key_signs_its_browsers_out(browser: Browser, server: Server) -> None:
    made = server.memory.keys.create("admin")
    browser.open(f"/?key={made.key}")
    assert browser.open("/schema").status == 200

    server.ask("DELETE", f"/v1/keys/{made.id}", key=server.admin)

    assert (browser.open("/").status, browser.open("/schema").status) == (401, 401)


def test_the_cookie_does_not_open_the_api(signed_in: Browser) -> None:
    assert signed_in.open("/v1/users").code == "unauthorized"


def test_the_start_page_shows_what_the_store_holds(signed_in: Browser, server: Server) -> None:
    for number in range(1_200):
        server.memory.users.save(f"user {number}")

    page = Page(signed_in.open("/").body)

    assert "1,200" in page.text
    assert f"curl {server.url}/v1/users/628111/recall" in page.text
    assert "/schema" in [attrs.get("href") for tag, attrs in page.tags]


def test_a_user_key_does_not_see_the_whole_store(browser: Browser, server: Server) -> None:
    browser.open(f"/?key={server.user_key('<b>budi')}")

    page = browser.open("/")

    assert "On disk" not in Page(page.body).text
    assert b"<b>budi" not in page.body


def test_the_reference_shows_every_action(signed_in: Browser) -> None:
    page = Page(signed_in.open("/schema").body)

    assert [each.name for each in ACTIONS if each.path not in page.text or each.name not in page.text] == []


def test_links_within_the_reference_lead_somewhere(signed_in: Browser) -> None:
    page = Page(signed_in.open("/schema").body)
    places = [attrs["id"] for _, attrs in page.tags if "id" in attrs]

    assert len(places) == len(set(places))
    assert {a["href"][1:] for tag, a in page.tags if tag == "a" and a["href"].startswith("#")} <= set(places)


def test_the_reference_needs_a_key(browser: Browser, server: Server) -> None:
    assert browser.open("/schema").status == 401
    assert server.ask("GET", "/schema").status == 200
    assert server.ask("GET", "/schema", headers={"Authorization": "Bearer wrong"}).code == "unauthorized"


@pytest.mark.parametrize("path", ["/", "/schema"])
def test_a_page_holds_no_script_no_style_and_nothing_of_other_hosts(signed_in: Browser, path: str) -> None:
    page = Page(signed_in.open(path).body)

    assert [tag for tag, _ in page.tags if tag in ("script", "style", "iframe", "object")] == []
    assert [attrs for _, attrs in page.tags if any(name.startswith("on") or name == "style" for name in attrs)] == []
    loaded = [a.get("src") or a.get("href", "") for tag, a in page.tags if tag in ("img", "link", "a", "form")]
    assert [each for each in loaded if "//" in each] == []


@pytest.mark.parametrize("path", ["/", "/schema", "/assets/ingat.css", "/favicon.ico"])
def test_a_page_and_its_assets_allow_only_what_is_ours(signed_in: Browser, path: str) -> None:
    headers = signed_in.open(path).headers

    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"


def test_what_a_page_loads_is_there(browser: Browser) -> None:
    page = Page(browser.open("/").body)
    loaded = {a.get("src") or a["href"] for tag, a in page.tags if tag in ("img", "link")}

    assert {browser.open(each).status for each in loaded} == {200}


def test_pages_can_be_read_in_light_and_dark_and_by_every_reader(browser: Browser) -> None:
    page = Page(browser.open("/").body)
    labels = [attrs["for"] for tag, attrs in page.tags if tag == "label"]
    shown = [attrs["id"] for tag, attrs in page.tags if tag == "input" and attrs["type"] != "hidden"]

    assert labels == shown
    assert ("html", {"lang": "en"}) in page.tags
    assert b"prefers-color-scheme: dark" in browser.open("/assets/ingat.css").body


def test_the_page_is_in_the_language_of_the_browser(browser: Browser) -> None:
    assert b'<html lang="id">' in browser.open("/", Accept_Language="id-ID,id;q=0.9,en;q=0.8").body


def test_a_form_that_is_too_large_is_refused(browser: Browser) -> None:
    assert browser.send("/sign-in", {"key": "x" * 10_000}).code == "request_too_large"


def test_too_many_wrong_keys_have_to_wait(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        browser = Browser(server)
        token = Page(browser.open("/").body).token()
        answers = [browser.send("/sign-in", {"key": f"wrong {n}", "form_token": token}) for n in range(60)]

    assert answers[0].status == 401
    assert answers[-1].status == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_a_browser_that_signs_in_over_https_gets_a_secure_cookie(browser: Browser) -> None:
    path = f"/?key={browser.server.admin}"

    plain, secure = browser.open(path), browser.open(path, X_Forwarded_Proto="https")

    assert "secure" not in plain.headers["set-cookie"].lower()
    assert "; secure" in secure.headers["set-cookie"].lower()


def test_the_reference_shows_names_as_code_and_no_backticks(signed_in: Browser) -> None:
    body = signed_in.open("/schema").body.decode()

    assert "`" not in Page(body.encode()).text
    assert "<code>anonymous:&lt;session id&gt;</code>" in body
    assert "<code>session_closed</code> (409)" in body
