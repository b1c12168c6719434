"""Redaction: secrets are taken out of what is logged, before it is stored."""

from __future__ import annotations

import re
from typing import Any

REDACTED = "[redacted]"
"""What stands in the place of a secret."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VALUE = (
    r"""(?:"(?:[^"\\\n]|\\.)*"|\\"(?:\\\\\\"|[^"\\\n]|\\[^"])*\\"|'(?:[^'\\\n]|\\.)*'"""
    r"""|["'\\]{0,2}[^\s,;&"'<>(){}\[\]\\]+)"""
)
_NAMES = (
    r"(?:api|access|account|admin|auth|client|encryption|ingat|master|private|secret|service|shared|signing|storage)"
    r"[_\-. ]?key|apikey|token|secret|pass(?:word|wd|phrase|code)|[_&?]pass|pwd"
    r"|\botp|\bpin|kata[_\- ]?sandi|credentials?"
)
_BOUND = r"\\{0,2}[\"']?\s{0,3}(?:[=:]|%3[AaDd])\s{0,3}"
_PAIRED = r"(?:\\{0,2}[\"']?\s{0,3}(?:[=:]|%3[AaDd])\s{0,3}|[\"'],\s{0,3}b?)"
"""Also between the two halves of a header as Python shows them: `(b'cookie', b'a=b')`."""

_AUTHORIZATION = re.compile(
    rf"(?i)(authorization{_PAIRED}\\?[\"']?)(?:(?:bearer|basic|digest|token|apikey|negotiate)\s{{1,3}})?[^\s\"'\\,;]+"
)
_COOKIE = re.compile(rf"(?i)(cookie{_PAIRED})[^\n\"]+")
_BEARER = re.compile(
    r"\b(Bearer\s{1,3})[A-Za-z0-9._~+/=\-]{4,}"
    r"|\b((?i:bearer)\s{1,3})(?=[A-Za-z._~+/=\-]{0,15}[0-9]|[A-Za-z0-9._~+/=\-]{16})[A-Za-z0-9._~+/=\-]+"
)
_NAMED = re.compile(rf"(?i)((?:{_NAMES})(?:{_BOUND}|[\"'],\s{{0,3}}b(?=[\"'])))(?!\[redacted\]){_VALUE}")
_OPTION = re.compile(rf"(?i)(--(?:[a-z0-9]{{1,20}}-){{0,4}}(?:{_NAMES}|key)\s{{1,3}})(?!\[redacted\]|-){_VALUE}")
_IN_URL = re.compile(
    r"(?i)([?&](?:[a-z0-9]{1,20}[_\-]){0,4}(?:key|sig|signature|code|auth|access_token)=)[^\s&#\"'<>]+"
)
_IN_PATH = re.compile(r"(?i)(/bot[0-9]{5,12}:)[a-z0-9_\-]{20,}|(/waInstance[0-9]{5,20}/[a-z]{1,40}/)[a-z0-9]{20,}")
"""Where Telegram's and Green API's addresses hold the token of the bot."""
_USER_INFO = re.compile(
    r"([a-z][a-z0-9+.\-]{1,20}://)(?:([^\s/:@\"']{0,256}:)[^\s/\"']{1,256}|[^\s/:@\"']{16,256})(?=@)", re.IGNORECASE
)
_WELL_KNOWN = re.compile(
    r"\bingat_[A-Za-z0-9_\-]{20,}"
    r"|\b(?:sk|pk|rk)-[A-Za-z0-9_\-]{16,}|\b(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_\-]{16,}"
    r"|\bxox[abprs]-[A-Za-z0-9\-]{10,}|\bA(?:KIA|SIA)[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_\-]{30,}|\bhf_[A-Za-z0-9]{20,}"
    r"|\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*"
    r"|\bnpm_[A-Za-z0-9]{30,}|\bpypi-[A-Za-z0-9_\-]{30,}|\bEAA[A-Za-z0-9]{30,}|\bSG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]+"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:(?!-----END )[\s\S])*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
)

_HINTS = _words(
    "key token secret pass pwd otp pin sandi credential auth cookie bearer sig code :// /bot /wainstance ingat_ sk- pk-"
    " rk- sk_ pk_ rk_ ghp_ gho_ ghu_ ghs_ ghr_ github_ glpat- xox akia asia aiza hf_ eyj npm_ pypi- eaa sg. -----begin"
)
"""Every secret that the patterns know holds one of these, in lower case."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET = _words(
    "secret secrets password passwords passwd passphrase passcode pwd pin otp authorization auth cookie cookies"
    " credential credentials bearer apikey apikeys accesskey privatekey sandi jwt signature"
)
_SECRET_TEXT = frozenset(("key", "keys", "token", "tokens", "pass"))
"""Words for secrets when the value is text; numbers under them are counts and the like."""
_HARMLESS_ENDS = _words(
    "id ids count counts name names type types limit budget length size kind role state url at ms s bytes total used"
    " usage error errors path mode status expires expiry policy prefix"
)
"""What a name may end with to say that it holds something about a secret, not the secret."""


def redact_text(text: str) -> str:
    """Return a text without the secrets that can be seen in it: keys, tokens, passwords, cookies, `Bearer …`."""
    lowered = text.lower()
    for hint in _HINTS:
        if hint in lowered:
            break
    else:
        return text
    text = _WELL_KNOWN.sub(REDACTED, text)
    if "--" in text:
        text = _OPTION.sub(rf"\1{REDACTED}", text)
    if ":" in text or "=" in text or "%3" in text or "'," in text:
        text = _AUTHORIZATION.sub(rf"\1{REDACTED}", text)
        text = _COOKIE.sub(rf"\1{REDACTED}", text)
        text = _NAMED.sub(rf"\1{REDACTED}", text)
        text = _IN_URL.sub(rf"\1{REDACTED}", text)
        text = _IN_PATH.sub(lambda found: (found[1] or found[2]) + REDACTED, text)
        text = _USER_INFO.sub(lambda found: found[1] + (found[2] or "") + REDACTED, text)
    return _BEARER.sub(lambda found: (found[1] or found[2]) + REDACTED, text)


def redact(value: Any) -> Any:
    """Return a JSON value without its secrets: those in texts, and whatever stands under a name for a secret.

    Objects and lists are gone through at every depth, and made anew; the value itself stays as it is.
    """
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        return {
            redact_text(key) if isinstance(key, str) else key: REDACTED if names_secret(key, inside) else redact(inside)
            for key, inside in value.items()
        }
    if isinstance(value, list | tuple):
        if len(value) == 2 and isinstance(value[0], str) and value[0] not in _SECRET_TEXT and names_secret(*value):
            return [redact(value[0]), REDACTED]  # a header, as servers and clients keep them
        return [redact(inside) for inside in value]
    return value


def names_secret(name: Any, value: Any) -> bool:
    """Tell whether a value under this name is a secret; what is empty, true or false is none."""
    if not isinstance(name, str) or value is None or isinstance(value, bool) or value in ("", [], {}):
        return False
    words = [word.lower() for word in _WORD.findall(name[:256])]
    if not words or words[-1] in _HARMLESS_ENDS:
        return False
    if not _SECRET.isdisjoint(words):
        return True
    return not isinstance(value, int | float) and not _SECRET_TEXT.isdisjoint(words)
