"""The URL of a database: what libpq is told, and that a password is in nothing that is shown."""

from __future__ import annotations

import logging
import traceback

import pytest

from ingat.core.errors import StoreUnavailable
from ingat.store.open import open_store
from ingat.store.postgres.address import parse_address

URL = "postgresql://me:sesame@localhost:1/db?schema=notes"


def test_an_address_connects_with_the_password_and_does_not_show_it() -> None:
    address = parse_address(URL)
    assert "password=sesame" in address.conninfo
    assert address.schema == "notes"
    assert "sesame" not in f"{address!r} {address} {address.shown} {[address]}"


def test_a_password_is_neither_in_a_traceback_nor_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StoreUnavailable) as caught:
        open_store(URL)
    told = "".join(traceback.format_exception(caught.value))
    assert "cannot be reached" in told
    assert "sesame" not in told + caplog.text
