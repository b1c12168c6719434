"""The meter counts from many threads, and its quantiles are within the error that it states."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest

from ingat.core import meter as module
from ingat.core.errors import EmbedderUnavailable, SessionNotFound, StoreFull
from ingat.core.meter import BOUNDS, Meter, Timer, is_fault

ERROR = 2 ** (1 / 32) - 1
"""What the module states: 2.2 %."""


class Clock:
    """Stands for `monotonic`; turned by hand."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def turned(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("spread", ["uniform", "exponential", "one"])
def test_a_quantile_is_within_what_is_stated(share: float, spread: str) -> None:
    drawn = random.Random(7)
    timer = Timer()
    draws: dict[str, Callable[[], float]] = {
        "uniform": lambda: drawn.uniform(0.001, 0.2),
        "exponential": lambda: drawn.expovariate(50),
        "one": lambda: 0.0123,
    }
    draw = draws[spread]
    values = sorted(draw() for _ in range(20_000))
    for value in values:
        timer.observe(value)

    found = timer.read().quantile(share)

    truth = values[max(0, int(share * len(values)) - 1)]
    assert found is not None
    assert abs(found - truth) / truth <= ERROR + 0.002


def test_nothing_has_no_quantile() -> None:
    assert Timer().read().quantile(0.95) is None


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9])
def test_what_takes_no_time_is_in_the_first_bucket(seconds: float) -> None:
    timer = Timer()
    timer.observe(seconds)

    assert timer.read().quantile(0.5) == BOUNDS[0]


def test_what_takes_longer_than_all_buckets_is_counted() -> None:
    timer = Timer()
    timer.observe(1e9)

    assert timer.read().quantile(0.99) == BOUNDS[-1]


def test_nothing_is_lost_between_threads() -> None:
    meter = Meter()

    def work() -> None:
        for number in range(2_000):
            meter.appends.observe(0.001, fault=number % 10 == 0, amount=2)
            meter.answered("GET", "/v1/users", 200, 0.001)
            meter.file("export", 10)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    reading = meter.appends.read()
    assert (reading.number, reading.errors, sum(reading.buckets)) == (16_000, 1_600, 16_000)
    assert meter.performance().messages_appended == 32_000
    routes, statuses = meter.routes()
    assert routes["GET", "/v1/users"].number == statuses["GET", "/v1/users", "2xx"] == 16_000
    assert [(each.count, each.size_bytes) for each in meter.files()] == [(16_000, 160_000)]


def test_a_block_that_succeeds_is_timed() -> None:
    meter = Meter()
    with meter.time(meter.recalls):
        pass

    assert (meter.recalls.read().number, meter.recalls.read().errors) == (1, 0)


def fail(meter: Meter, error: BaseException) -> None:
    with meter.time(meter.recalls):
        raise error


@pytest.mark.parametrize(
    ("error", "faults", "code"),
    [
        (StoreFull("full"), 1, "store_full"),
        (EmbedderUnavailable("gone"), 1, "embedder_unavailable"),
        (ZeroDivisionError(), 1, "internal_error"),
        (SessionNotFound("none"), 0, "session_not_found"),
    ],
    ids=["disk", "embedder", "bug", "caller"],
)
def test_an_error_is_counted_by_code_and_as_a_fault_where_it_is_ours(error: Exception, faults: int, code: str) -> None:
    meter = Meter()
    with pytest.raises(type(error)):
        fail(meter, error)

    assert (meter.recalls.read().number, meter.recalls.read().errors) == (1, faults)
    assert meter.performance().errors == {code: 1}


def test_an_error_that_passes_several_places_is_counted_once() -> None:
    meter = Meter()
    with pytest.raises(StoreFull), meter.time(meter.chats):
        fail(meter, StoreFull("full"))

    assert meter.performance().errors == {"store_full": 1}
    assert meter.chats.read().errors == 1


def test_what_is_interrupted_is_not_counted() -> None:
    meter = Meter()
    with pytest.raises(KeyboardInterrupt):
        fail(meter, KeyboardInterrupt())

    assert (meter.recalls.read().number, meter.performance().errors) == (0, {})
    assert not is_fault(KeyboardInterrupt())


def test_the_recent_ones_are_those_of_the_last_windows(turned: Clock) -> None:
    timer = Timer()
    timer.observe(10.0, fault=True)
    for _ in range(3):
        turned.at += module.WINDOW_S
        timer.observe(0.1)

    assert (timer.read().number, timer.read().errors) == (4, 1)
    assert timer.recent().errors == 0
    assert 1 <= timer.recent().number <= 2


def test_after_a_long_pause_nothing_is_recent(turned: Clock) -> None:
    timer = Timer()
    timer.observe(0.1)
    assert timer.recent().number == 1

    turned.at += 10 * module.WINDOW_S

    assert timer.recent().number == 0
    assert timer.read().number == 1
