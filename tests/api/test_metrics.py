"""`/metrics` speaks the text format of Prometheus, and tells of requests, work, errors and the store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.api.server import Server, running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as started:
        yield started


def scraped(server: Server) -> dict[str, Metric]:
    answer = server.ask("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {family.name: family for family in text_string_to_metric_families(answer.body.decode())}


def value(families: dict[str, Metric], sample: str, **labels: str) -> float:
    """Return the value of the one sample that has these labels among its own."""
    (found,) = [
        each.value
        for family in families.values()
        for each in family.samples
        if each.name == sample and labels.items() <= each.labels.items()
    ]
    return found


def test_it_needs_an_admin_or_service_key(server: Server) -> None:
    server.memory.users.save("ana")

    assert server.ask("GET", "/metrics", key=None).code == "unauthorized"
    assert server.ask("GET", "/metrics", key=server.user_key("ana")).code == "forbidden"
    assert server.ask("GET", "/metrics", key=server.admin).status == 200


def test_every_metric_has_a_help_text_and_a_name_of_ours(server: Server) -> None:
    families = scraped(server)

    assert len(families) >= 25
    for family in families.values():
        assert family.name.startswith("ingat_")
        assert family.documentation.endswith(".")


def test_requests_are_counted_by_route_and_never_by_address(server: Server) -> None:
    for user in ("ana", "budi", "citra"):
        server.ask("GET", f"/v1/users/{user}")
    server.ask("GET", "/v1/users")
    server.ask("GET", "/nowhere/at/all")
    server.ask("BREW", "/v1/users")
    families = scraped(server)

    name = "ingat_http_requests_total"
    assert value(families, name, route="/v1/users/{user_id}", status="4xx", method="GET") == 3
    assert value(families, name, route="/v1/users", status="2xx") == 1
    assert value(families, name, route="(other)", method="(other)") == 1
    assert {each.labels["method"] for each in families["ingat_http_requests"].samples} <= {"GET", "(other)"}
    assert value(families, "ingat_http_request_duration_seconds_count", route="/v1/users/{user_id}") == 3
    assert {each.labels["pid"] for each in families["ingat_http_requests"].samples} == {str(os.getpid())}


def test_probes_count_for_their_route_and_not_as_replies(server: Server) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/v1/users"):
        assert server.ask("GET", path).status == 200

    (requests,) = [each for each in server.memory.stats().performance.timings if each.kind == "request"]
    assert requests.count == 1
    assert value(scraped(server), "ingat_http_requests_total", route="/healthz") == 1


def test_buckets_grow_up_to_all(server: Server) -> None:
    for _ in range(5):
        server.ask("GET", "/v1/users")
    family = scraped(server)["ingat_http_request_duration_seconds"]

    buckets = [
        each.value for each in family.samples if each.name.endswith("_bucket") and each.labels["route"] == "/v1/users"
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 5


def test_work_and_errors_are_counted(server: Server) -> None:
    session = server.memory.sessions.open("ana")
    server.ask("POST", f"/v1/sessions/{session.id}/messages", {"role": "user", "content": "Hello"})
    server.ask("GET", "/v1/sessions/none")
    families = scraped(server)

    assert value(families, "ingat_messages_appended_total") == 1
    assert value(families, "ingat_operation_duration_seconds_count", operation="append") == 1
    assert value(families, "ingat_errors_total", code="session_not_found") == 1
    assert value(families, "ingat_operation_faults_total", operation="append") == 0
    assert value(families, "ingat_database_duration_seconds_count", kind="write") >= 1


def test_the_store_is_told_of(server: Server) -> None:
    server.memory.sessions.open("ana")
    families = scraped(server)

    assert value(families, "ingat_sessions", state="active") == 1
    assert value(families, "ingat_users") == 1
    assert value(families, "ingat_store_size_bytes") > 0
    assert value(families, "ingat_target_state", target="active_sessions") == 0
    assert value(families, "ingat_target_state", target="expiry_rate") == -1
    assert value(families, "ingat_target_value", target="active_sessions", unit="sessions") == 1


def test_a_failing_request_counts_as_an_error_of_ours(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*args: object, **given: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(server.memory.store.behind, "read", breaks)
    failed = server.ask("GET", "/v1/users/ana")
    monkeypatch.undo()
    families = scraped(server)

    assert failed.status == 500
    assert value(families, "ingat_http_requests_total", status="5xx") == 1
    assert value(families, "ingat_errors_total", code="internal_error") == 1


def test_stats_tell_the_same_over_http(server: Server) -> None:
    for _ in range(25):
        server.ask("GET", "/v1/users")
    stats = server.ask("GET", "/v1/stats").json

    (requests,) = [each for each in stats["performance"]["timings"] if each["kind"] == "request"]
    assert requests["count"] >= 25
    assert requests["p50_ms"] > 0
    (response,) = [each for each in stats["targets"] if each["name"] == "response time" and each["week"] is None]
    assert response["value"] is not None
    assert response["basis"] == "95th percentile of requests of this process in the last 15 to 30 minutes"


def test_users_who_were_erased_are_counted_over_all_processes(server: Server) -> None:
    for number in range(11):
        server.memory.users.save(f"user {number}")
        server.memory.erase.user(f"user {number}")
    families = scraped(server)

    assert value(families, "ingat_users_erased_total") == 11
    assert value(families, "ingat_mass_deletion_alerts_total") == 1
