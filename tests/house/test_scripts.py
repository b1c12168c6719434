"""bin/run finds its place and its Python, and passes words on as they are."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT

SAYS_ITS_WORDS = '#!/usr/bin/env bash\nprintf "%s|" "$PWD" "$@"\n'
OLD_PYTHON = '#!/usr/bin/env bash\nif [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi\n'


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The scripts in a folder of their own, with a space in its name."""
    folder = tmp_path / "my bot"
    for name in ("bin", "tools", "constraints"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture
def installed(copy: Path) -> Path:
    """The same with an environment that is up to date, where `ingat` only says its words."""
    _program(copy / ".venv" / "bin" / "python", "#!/usr/bin/env bash\n")
    _program(copy / ".venv" / "bin" / "ingat", SAYS_ITS_WORDS)
    stamp = subprocess.run(
        ["bash", "-c", '. "$1/tools/venv.sh"; fingerprint run', "bash", copy], capture_output=True, check=True
    )
    (copy / ".venv" / ".installed").write_bytes(stamp.stdout)
    return copy


def _only(folder: Path, python: str | None) -> dict[str, str]:
    """Return an environment whose PATH has the tools a bare system has, and this `python3`."""
    tools = folder / "path"
    tools.mkdir()
    for name in ("bash", "env", "cat", "cksum", "dirname", "rm", "mktemp", "cp"):
        program = shutil.which(name)
        assert program is not None
        (tools / name).symlink_to(program)
    if python is not None:
        _program(tools / "python3", python)
    return {"PATH": str(tools)}


def test_an_extra_that_is_there_is_asked_for_in_vain_and_an_unknown_one_is_named(installed: Path) -> None:
    (installed / ".venv" / ".extras").write_text("encryption ", encoding="utf-8")
    ran = [
        subprocess.run(
            [installed / "bin" / "run", "hello"],
            env={**os.environ, "INGAT_EXTRAS": extra},
            capture_output=True,
            text=True,
            check=False,
        )
        for extra in ("encryption", "spells")
    ]
    assert (ran[0].returncode, ran[0].stderr) == (0, "")
    assert ran[1].returncode == 1
    assert "INGAT_EXTRAS names spells" in ran[1].stderr


@pytest.mark.parametrize("words", [["stats", "--store", "postgresql://host/db"], ["--store=postgres://host/db"], []])
def test_a_store_on_postgresql_asks_for_its_driver(installed: Path, words: list[str]) -> None:
    ran = subprocess.run(
        [installed / "bin" / "run", *words],
        env={**os.environ, "PATH": _only(installed, None)["PATH"], "INGAT_STORE": "" if words else "postgresql://h/db"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "installing the extra postgres" in ran.stderr


def test_the_driver_of_postgresql_is_pinned_as_the_tests_have_it() -> None:
    pinned, tested = ((ROOT / "constraints" / name).read_text() for name in ("postgres.txt", "test.txt"))
    lines = [line for line in pinned.splitlines() if line.startswith("psycopg")]

    assert len(lines) == 2
    assert [line for line in lines if line not in tested] == []


def test_the_extra_encryption_is_pinned_as_the_tests_have_it() -> None:
    pinned, tested = ((ROOT / "constraints" / name).read_text() for name in ("encryption.txt", "test.txt"))
    assert "cryptography==" in pinned
    assert set(pinned.splitlines()) <= set(tested.splitlines())


def test_run_without_words_serves(installed: Path) -> None:
    done = subprocess.run([installed / "bin" / "run"], cwd=installed, capture_output=True, text=True, check=True)

    assert done.stdout == f"{installed}|serve|"


def test_run_passes_words_on_and_stays_in_the_callers_folder(installed: Path, tmp_path: Path) -> None:
    words = ["recall", "628111", "what's that? *", ""]
    done = subprocess.run([installed / "bin" / "run", *words], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert done.stdout == "|".join([str(tmp_path), *words, ""])


def test_an_environment_made_from_other_versions_is_not_up_to_date(installed: Path) -> None:
    with (installed / "constraints" / "run.txt").open("a", encoding="utf-8") as file:
        file.write("other==1.0\n")
    check = '. "$1/tools/venv.sh"; fresh "$1/.venv" run'
    done = subprocess.run(["bash", "-c", check, "bash", installed], check=False)

    assert done.returncode == 1


def test_run_names_the_python_it_needs(copy: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [copy / "bin" / "run"], env=_only(tmp_path, OLD_PYTHON), capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert "needs Python 3.11 to 3.14" in done.stderr
    assert "Python 3.9.2" in done.stderr
    assert not (copy / ".venv").exists()


def test_run_says_so_when_there_is_no_python_at_all(copy: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [copy / "bin" / "run"], env=_only(tmp_path, None), capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert done.stderr.splitlines() == [
        "ingat needs Python 3.11 to 3.14, and found: no python3",
        f"Install one of these, or name it: PYTHON=/path/to/python3.12 {copy / 'bin' / 'run'}",
    ]


@pytest.mark.parametrize("absolute", [True, False])
def test_run_works_through_a_link_to_a_link(installed: Path, tmp_path: Path, absolute: bool) -> None:
    (tmp_path / "mine").mkdir()
    first, second = tmp_path / "mine" / "first", tmp_path / "second"
    first.symlink_to(installed / "bin" / "run" if absolute else Path("..", installed.name, "bin", "run"))
    second.symlink_to(Path("mine", "first"))
    done = subprocess.run([second, "stats"], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert done.stdout == f"{tmp_path}|stats|"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("bin/start_daemon.sh", "serve|--detach"),
        ("bin/stop_all.sh", "stop"),
        ("scripts/scheduled_cleanup.py", "cleanup|--yes"),
    ],
)
def test_operators_scripts_run_their_command_from_anywhere_and_through_links(
    installed: Path, tmp_path: Path, script: str, words: str
) -> None:
    link = tmp_path / "linked"
    link.symlink_to(Path(installed.name, script))
    for program in (installed / script, link):
        done = subprocess.run([program, "--port", "a b"], cwd=tmp_path, capture_output=True, text=True, check=True)

        assert done.stdout == f"{tmp_path}|{words}|--port|a b|"


@pytest.mark.parametrize("name", ["run", "test"])
def test_a_folder_that_cannot_be_written_is_named(copy: Path, name: str) -> None:
    (copy / f".venv{'' if name == 'run' else '-test'}.lock").mkdir()
    done = subprocess.run([copy / "bin" / name], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith(f"ingat: nothing can be installed in {copy}, because the folder cannot be written.\n")
    assert "venv.sh" not in done.stderr


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_the_help_of_the_tests_installs_nothing(copy: Path, tmp_path: Path, word: str) -> None:
    done = subprocess.run(
        [copy / "bin" / "test", word], env=_only(tmp_path, None), capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("usage: bin/test ")
    assert not (copy / ".venv-test").exists()


def test_scripts_can_be_run() -> None:
    names = ["bin/run", "bin/test", "bin/bench", ".ci/run", "tools/pin.sh", "bin/start_daemon.sh", "bin/stop_all.sh"]
    names += ["bin/clear_memory.sh", "scripts/clear_memory.py", "scripts/scheduled_cleanup.py"]

    assert [name for name in names if not os.access(ROOT / name, os.X_OK)] == []


def test_bench_names_what_can_be_measured(copy: Path) -> None:
    _program(copy / "bench" / "append.py", "")
    done = subprocess.run([copy / "bin" / "bench"], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].strip() == "append"
