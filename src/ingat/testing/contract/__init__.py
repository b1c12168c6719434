"""The contract of a store as tests, for those who write an engine. Needs pytest.

A test module of an engine says how a place is opened, and has all the tests:

    class TestMyEngine(StoreContract):
        @pytest.fixture
        def engine(self, tmp_path: Path) -> Engine:
            return Engine(lambda: MyStore(tmp_path / "store"))

What is tested, and which exceptions an engine may state in `Engine`, is told in docs/architecture.md.
"""

from __future__ import annotations

import pytest

from ingat.testing.contract.coroutines import Callers, Coroutines
from ingat.testing.contract.engine import Engine
from ingat.testing.contract.errors import Errors
from ingat.testing.contract.nesting import Nesting
from ingat.testing.contract.places import Places
from ingat.testing.contract.scrubbing import Scrubbing
from ingat.testing.contract.statements import Dialect, Statements
from ingat.testing.contract.transactions import Transactions
from ingat.testing.contract.upkeep import Upkeep
from ingat.testing.contract.values import Columns, Computed

__all__ = ["Engine", "StoreContract"]


class StoreContract:
    """All that an engine must do. A subclass whose name begins with Test gives the fixture `engine`."""

    TestTransactions = Transactions
    TestNesting = Nesting
    TestStatements = Statements
    TestDialect = Dialect
    TestColumns = Columns
    TestComputed = Computed
    TestErrors = Errors
    TestCoroutines = Coroutines
    TestCallers = Callers
    TestPlaces = Places
    TestUpkeep = Upkeep
    TestScrubbing = Scrubbing

    @pytest.fixture
    def engine(self) -> Engine:
        """The engine under test: to be replaced."""
        pytest.fail("Give the subclass of StoreContract a fixture `engine` that returns ingat.testing.contract.Engine.")
