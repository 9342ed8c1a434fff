"""What a merchant's developer installs: one wheel that holds every file it needs and runs from an empty environment."""

import os
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.packaging, pytest.mark.serial]

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
VERSION = PYPROJECT["project"]["version"]
PACKAGES = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with wheel and sdist; made without isolation, for the lock already names the build backend."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)], cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an empty environment with the locked dependencies and the wheel."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=True)
    binaries = environment / ("Scripts" if os.name == "nt" else "bin")
    install = [str(binaries / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run([*install, "--require-hashes", "-r", str(ROOT / "requirements.lock")], cwd=environment)
    run([*install, "--no-deps", str(only(built, "*.whl"))], cwd=environment)
    return binaries


def test_the_wheel_holds_the_declared_packages_and_nothing_beside_them(built: Path) -> None:
    top_level = {name.partition("/")[0] for name in wheel_names(built)}

    assert top_level == {*PACKAGES, f"regulars-{VERSION}.dist-info"}


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(built: Path) -> None:
    held = {name for name in wheel_names(built) if name.partition("/")[0] in PACKAGES}

    assert held == files_of_the_packages()


def test_the_sdist_holds_what_it_takes_to_build_and_test(built: Path) -> None:
    with tarfile.open(only(built, "*.tar.gz")) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"pyproject.toml", "LICENSE", "README.md", "requirements.lock", "requirements-dev.lock"} <= names
    assert {"Makefile", "tools/run_tests.py", "tests/conftest.py"} <= names
    assert files_of_the_packages() <= names
    assert not [name for name in names if "node_modules" in name]


def test_the_dependencies_in_the_wheel_are_met_by_the_lock(installed: Path, tmp_path: Path) -> None:
    run([str(installed / "python"), "-m", "pip", "--disable-pip-version-check", "check"], cwd=tmp_path)


def test_the_installed_command_says_its_version(installed: Path, tmp_path: Path) -> None:
    assert VERSION in run([str(installed / "regulars"), "--version"], cwd=tmp_path)


def test_the_installed_demo_passes_its_own_check(installed: Path, tmp_path: Path) -> None:
    run([str(installed / "regulars"), "demo", "--check"], cwd=tmp_path)


def run(command: list[str], *, cwd: Path) -> str:
    """Output of a command that must succeed, run where nothing of this working tree can be imported."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "REGULARS_"))}
    outside["XDG_DATA_HOME"] = str(cwd / "data")
    result = subprocess.run(command, cwd=cwd, env=outside, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def only(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


def wheel_names(folder: Path) -> set[str]:
    with zipfile.ZipFile(only(folder, "*.whl")) as wheel:
        return set(wheel.namelist())


def files_of_the_packages() -> set[str]:
    """What is committed or would be, under the declared packages."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *PACKAGES]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return {name for name in names if name and (ROOT / name).is_file()}
