"""`ingat serve` runs the jobs: at its start, once for all of its workers, unless it is told not to."""

from __future__ import annotations

import signal
import threading
from typing import Any

import httpx
import pytest

from tests.cli.runner import Ingat
from tests.cli.test_serve import ended, serving

JOBS = {"expire", "retain", "measure"}


def jobs_of(hello: dict[str, Any]) -> dict[str, dict[str, Any]]:
    answer = httpx.get(f"{hello['url']}v1/jobs", headers={"Authorization": f"Bearer {hello['key']}"})
    assert answer.is_success, answer.text
    return {job["name"]: job for job in answer.json()["jobs"]}


def ran(hello: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Wait until every job has run, and return their states."""
    for _ in range(600):
        jobs = jobs_of(hello)
        if all(job["runs"] and not job["running"] for job in jobs.values()):
            return jobs
        threading.Event().wait(0.05)
    raise AssertionError(jobs)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_every_job_runs_at_the_start_once_for_all_workers(ingat: Ingat, workers: str) -> None:
    with serving(ingat, "--workers", workers) as (server, hello):
        jobs = ran(hello)
        code, log = ended(server, signal.SIGTERM)

    assert jobs.keys() >= JOBS
    assert [(job["runs"], job["failures"], job["last_error"]) for job in jobs.values()] == [(1, 0, None)] * len(jobs)
    assert all(job["next_at"] > job["last_started_at"] for job in jobs.values())
    assert (code, log) == (0, "")
    assert {job["next_at"] for job in ingat.json("jobs", "list")["jobs"]} == {None}


def test_a_server_that_starts_again_runs_them_again(ingat: Ingat) -> None:
    with serving(ingat) as (server, hello):
        ran(hello)
        ended(server, signal.SIGINT)
    with serving(ingat) as (_, again):
        again["key"] = hello["key"]
        for _ in range(600):
            jobs = jobs_of(again)
            if all(job["runs"] == 2 for job in jobs.values()):
                return
            threading.Event().wait(0.05)
    raise AssertionError(jobs)


def test_a_server_may_leave_them_to_another(ingat: Ingat) -> None:
    ingat.variables["INGAT_SCHEDULER"] = "false"
    with serving(ingat) as (_, hello):
        jobs = jobs_of(hello)

    assert {(job["runs"], job["next_at"]) for job in jobs.values()} == {(0, None)}
