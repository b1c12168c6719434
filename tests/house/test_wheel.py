"""The wheel holds all it needs, and runs with nothing but the default dependencies."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ingat import __version__
from tests.house.distributions import project
from tests.house.tree import PACKAGE, ROOT, project_files

FIRST_USE = """
from ingat import Memory
with Memory(":memory:") as memory:
    memory.users.save("628111", name="Budi")
    session = memory.sessions.open("628111", channel="console")
    memory.sessions.append(session.id, "user", "My air conditioner rattles at night")
    assert "rattles" in memory.recall("628111", "what is wrong with the air conditioner?").hits[0].text
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(done.stdout + done.stderr, pytrace=False)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_file_of_the_package_is_in_the_wheel(names: set[str]) -> None:
    files = {
        f"ingat/{path.relative_to(PACKAGE).as_posix()}" for path in project_files() if path.is_relative_to(PACKAGE)
    }

    assert files - names == set()


@pytest.mark.parametrize(
    ("folder", "ending"),
    [("ingat/", "py.typed"), ("ingat/store/sqlite/schema/", ".sql"), ("ingat/search/embed/model/", "")],
)
def test_the_wheel_holds_what_is_read_at_run_time(names: set[str], folder: str, ending: str) -> None:
    assert [name for name in names if name.startswith(folder) and name.endswith(ending)]


def test_every_translation_is_in_the_wheel_ready_to_use(names: set[str]) -> None:
    sources = {path.relative_to(PACKAGE.parent).with_suffix(".mo").as_posix() for path in PACKAGE.rglob("*.po")}

    assert sources - names == set()


def test_the_wheel_holds_nothing_but_the_package(names: set[str]) -> None:
    assert {name for name in names if not name.startswith(("ingat/", f"ingat-{__version__}.dist-info/"))} == set()


def test_the_wheel_carries_its_licences(names: set[str]) -> None:
    folder = f"ingat-{__version__}.dist-info/licenses/"

    assert {f"{folder}LICENSE", f"{folder}NOTICE"} <= names


def test_the_wheel_runs_with_the_default_dependencies_alone(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    (site,) = home.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    for name in _needed():
        _link(name, site)

    for program in (FIRST_USE, "import sys; from ingat.app.main import main; sys.argv = ['ingat', '--help']; main()"):
        done = subprocess.run(
            [home / "bin" / "python", "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def _needed() -> set[str]:
    """Return the distributions that an installation without extras brings, those of ours themselves left out."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(line) for line in project()["dependencies"]]
    while waiting:
        requirement = waiting.pop()
        for extra in ("", *requirement.extras):
            key = (canonicalize_name(requirement.name), extra)
            if key in found:
                continue
            found.add(key)
            lines = metadata.requires(requirement.name) or []
            below = [Requirement(line) for line in lines]
            waiting += [item for item in below if item.marker is None or item.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def _link(name: str, site: Path) -> None:
    """Put the files of an installed distribution into another environment."""
    distribution = metadata.distribution(name)
    for file in distribution.files or []:
        top = file.parts[0]
        if top not in {"..", "__pycache__"} and not (site / top).exists():
            (site / top).symlink_to(Path(str(distribution.locate_file(top))))
