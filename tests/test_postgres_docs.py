"""docs/postgres.md: its commands and statements run one after another on a server, but for those marked untested."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests import postgres
from tests.house.tree import ROOT

PAGE = (ROOT / "docs" / "postgres.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(bash|sql)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
UNTESTED = "-- not tested\n"


@pytest.fixture
def server() -> Iterator[str]:
    """The URL of the server's own database; what the page makes is removed."""
    with postgres.empty_store() as url:
        own = url.rpartition("schema=")[0].rstrip("?&")
        yield own
        with psycopg.connect(own, autocommit=True) as conn:
            conn.execute("DROP DATABASE IF EXISTS ingat WITH (FORCE)")
            conn.execute("DROP TABLESPACE IF EXISTS roomy")
            conn.execute("DROP ROLE IF EXISTS ingat")


@pytest.fixture
def roomy() -> Iterator[Path]:
    """A folder of the server's own login, for a tablespace."""
    folder, owner = Path(tempfile.mkdtemp(prefix="ingat-roomy-")), postgres.server_folder().stat()
    folder.chmod(0o755)
    place = folder / "postgres"
    place.mkdir()
    os.chown(place, owner.st_uid, owner.st_gid)
    yield place
    shutil.rmtree(folder, ignore_errors=True)


def statements(block: str) -> list[str]:
    return [each for each in re.split(r";\n", block) if each.strip()]


def test_its_blocks_run_as_they_stand(server: str, roomy: Path, tmp_path: Path) -> None:
    host = conninfo_to_dict(server)["host"]
    theirs = f"postgresql://ingat@/ingat?host={host}"
    environment = {**os.environ, "PYTHON": sys.executable, "INGAT_LANG": "en", "INGAT_EMBEDDER": "none"}
    made, shown = False, ""
    for kind, block in BLOCKS:
        if block.startswith(UNTESTED):
            continue
        if kind == "bash":
            script = block.replace("postgresql://ingat@db.example.org/ingat", f"'{theirs}'")
            script = script.replace("/srv/ingat", str(tmp_path / "data"))
            done = subprocess.run(
                ["bash", "-euc", 'ingat() { "$PYTHON" -m ingat "$@"; }\n' + script],
                env=environment,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            shown += done.stdout
            continue
        with psycopg.connect(server, autocommit=True, dbname="ingat" if made else "postgres") as conn:
            for statement in statements(block.replace("/srv/roomy/postgres", str(roomy))):
                found = conn.execute(statement.encode())
                for (written,) in found.fetchall() if "ALTER INDEX" in statement else ():
                    conn.execute(written.encode())
        made = True

    assert "prefers morning visits" in shown
    with psycopg.connect(server, dbname="ingat") as conn:
        moved = conn.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_tablespace t ON t.oid = c.reltablespace WHERE t.spcname = 'roomy'"
        ).fetchall()
    names = {row[0] for row in moved}
    assert {"message_07", "memory_07", "recall_entry_07", "recall_vector_07", "message_07_pkey"} <= names


def test_the_constraints_that_it_names_are_there() -> None:
    named = set(re.findall(r"DROP CONSTRAINT (\w+)", PAGE)) | set(re.findall(r"DROP INDEX ingat\.(\w+)", PAGE))
    with postgres.empty_store() as url, psycopg.connect(url.rpartition("schema=")[0].rstrip("?&")) as conn:
        schema = url.rpartition("schema=")[2]
        there = conn.execute(
            "SELECT conname FROM pg_constraint WHERE connamespace = %s::regnamespace"
            " UNION SELECT indexname FROM pg_indexes WHERE schemaname = %s",
            (schema, schema),
        ).fetchall()

    assert named
    assert named - {row[0] for row in there} == set()
