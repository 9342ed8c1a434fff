"""The house rules that a machine can hold: arrows, what files must not name, locks, declared dependencies, the gate."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tools import run_tests

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
CONTRACTS = {contract["id"]: contract["name"] for contract in PYPROJECT["tool"]["importlinter"]["contracts"]}

# One breach and more for every contract: the module that gets the line, and the line.
BREACHES = [
    ("layers", "core/breach.py", "import connectors.registry"),
    ("layers", "core/breach.py", "def hidden() -> None:\n    import app.factory"),
    ("layers", "connectors/breach.py", "import webhooks.intake"),
    ("layers", "webhooks/breach.py", "import app.factory"),
    ("layers", "webhooks/breach.py", "import admin.planted"),
    ("layers", "widgets/breach.py", "import webhooks.intake"),
    ("layers", "admin/breach.py", "import widgets.planted"),
    ("demo-stands-apart", "demo/breach.py", "from core import money"),
    ("demo-stands-apart", "demo/breach.py", "import connectors.transport"),
    ("only-app-launches-demo", "core/breach.py", "import demo.planted"),
    ("only-app-launches-demo", "admin/breach.py", "import demo.planted"),
    ("core-is-pure", "core/breach.py", "import flask"),
    ("core-is-pure", "core/breach.py", "import requests"),
    ("core-is-pure", "core/breach.py", "import woocommerce"),
    ("core-is-pure", "core/breach.py", "import graphql"),
    ("ground", "core/money.py", "from core import clock"),
    ("ground", "core/errors.py", "import core.planted.commands"),
    ("graphql-sees-the-transport", "connectors/graphql.py", "import connectors.shopify.client"),
    ("graphql-sees-the-transport", "connectors/graphql.py", "from core import settings"),
    ("graphql-sees-the-transport", "connectors/operations.py", "import connectors.transport"),
    ("graphql-sees-the-transport", "connectors/budget.py", "import requests"),
    ("woocommerce-sees-the-rim", "connectors/woocommerce/breach.py", "import core.planted.commands"),
    ("woocommerce-sees-the-rim", "connectors/woocommerce/breach.py", "from core import settings"),
    ("woocommerce-sees-the-rim", "connectors/woocommerce/breach.py", "import connectors.registry"),
    ("woocommerce-sees-the-rim", "connectors/woocommerce/breach.py", "import connectors.shopify.client"),
    ("woocommerce-sees-the-rim", "connectors/woocommerce/breach.py", "import sqlmodel"),
    ("shopify-sees-the-rim", "connectors/shopify/breach.py", "import core.planted.commands"),
    ("shopify-sees-the-rim", "connectors/shopify/breach.py", "import connectors.woocommerce.client"),
    ("shopify-sees-the-rim", "connectors/shopify/breach.py", "import sqlmodel"),
    ("shoptet-sees-the-rim", "connectors/shoptet/breach.py", "import core.planted.commands"),
    ("shoptet-sees-the-rim", "connectors/shoptet/breach.py", "import connectors.shopify.client"),
    ("shoptet-sees-the-rim", "connectors/shoptet/breach.py", "import connectors.graphql"),
    ("shoptet-sees-the-rim", "connectors/shoptet/breach.py", "import flask"),
    ("doors-see-the-registry", "webhooks/breach.py", "import connectors.woocommerce.planted"),
    ("doors-see-the-registry", "widgets/breach.py", "import connectors.transport"),
    ("doors-see-the-registry", "admin/breach.py", "import core.planted.tables"),
    ("doors-see-the-registry", "admin/breach.py", "import core.planted.deeper.tables"),
    ("no-cycles", "core/planted/commands.py", "import core.planted.tables"),
    ("no-cycles", "core/planted/commands.py", "import core.planting.commands"),
]

# The other end of a planted import, for what nobody has written yet.
OTHER_ENDS = {
    "app/factory.py": "",
    "connectors/registry.py": "",
    "connectors/transport.py": "",
    "connectors/shopify/__init__.py": "",
    "connectors/shopify/client.py": "",
    "connectors/woocommerce/planted.py": "",
    "webhooks/intake.py": "",
    "widgets/planted.py": "",
    "admin/planted.py": "",
    "demo/planted.py": "",
    "core/planted/__init__.py": "",
    "core/planted/commands.py": "",
    "core/planted/tables.py": "import core.planted.commands",
    "core/planted/deeper/__init__.py": "",
    "core/planted/deeper/tables.py": "",
    "core/planting/__init__.py": "",
    "core/planting/commands.py": "import core.planted.tables",
}

# Spelled in pieces, or this file would break its own rule.
REGISTRIES = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "yarn" + "pkg.com"]
MACHINE_PATH = re.compile(r"(?<![\w.~/-])/(?:work|root|home/\w+)(?:/|\b(?![\w-]))")

# What a declared distribution brings along and documents as part of itself.
COMES_WITH = {
    "werkzeug": "flask",
    "jinja2": "flask",
    "markupsafe": "flask",
    "wtforms": "flask-wtf",
    "psycopg-pool": "psycopg",
}


def test_the_arrows_hold() -> None:
    result = lint_imports(ROOT)

    assert result.returncode == 0, result.stdout


def test_every_contract_has_a_planted_breach() -> None:
    assert {contract for contract, _, _ in BREACHES} == CONTRACTS.keys()


@pytest.mark.parametrize(("contract", "module", "line"), BREACHES)
def test_a_planted_breach_breaks_its_contract(contract: str, module: str, line: str, tmp_path: Path) -> None:
    plant(tmp_path, module, line)

    result = lint_imports(tmp_path, contract)

    assert result.returncode == 1, result.stdout
    assert f"{CONTRACTS[contract]} BROKEN" in result.stdout


def test_no_file_names_a_package_registry_or_a_path_of_this_machine() -> None:
    offences = []

    for path in repository_files():
        for number, line in enumerate(readable_text(path).splitlines(), start=1):
            if MACHINE_PATH.search(line) or any(registry in line for registry in REGISTRIES):
                offences.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")

    assert not offences, "\n".join(offences)


def test_the_rule_about_paths_tells_a_path_from_an_address() -> None:
    assert MACHINE_PATH.search("see /" + "work/shared/notes.md")
    assert MACHINE_PATH.search('"/' + 'root"')
    assert not MACHINE_PATH.search("webhooks/work.py, https://example.com/work/17, ./root/x, /workers/1")


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_holds_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    requirements = text.replace("\\\n", " ").strip().splitlines()

    assert requirements
    assert all(re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line) for line in requirements)
    assert "://" not in text
    assert "index" not in text


def test_the_locks_agree_and_name_every_declared_dependency() -> None:
    runtime, development = (pins(ROOT / name) for name in ("requirements.lock", "requirements-dev.lock"))
    extra = {distribution(line) for line in PYPROJECT["project"]["optional-dependencies"]["dev"]}

    assert declared() <= runtime.keys()
    assert extra <= development.keys()
    assert runtime.items() <= development.items()


def test_every_third_party_import_is_declared() -> None:
    installed = packages_distributions()
    undeclared = set()

    for path in python_files(PACKAGES):
        for name in imported_names(path) - {*PACKAGES, *sys.stdlib_module_names}:
            owners = {normalised(owner) for owner in installed.get(name, ["(not installed)"])}
            if not {COMES_WITH.get(owner, owner) for owner in owners} & declared():
                undeclared.add(f"{path.relative_to(ROOT)} imports {name} of {sorted(owners)}")

    assert not undeclared, "\n".join(sorted(undeclared))


def test_no_folder_under_tests_is_a_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py")), "tests/connectors/shopify/ would shadow the SDK `shopify`"


def test_the_parts_of_the_suite_run_every_test_once(tmp_path: Path) -> None:
    marks = ["", "serial", "browser", "packaging", "torture", "serial browser torture", "serial packaging"]
    tests = [
        "".join(f"@pytest.mark.{mark}\n" for mark in combination.split()) + f"def test_{number}(): pass\n"
        for number, combination in enumerate(marks)
    ]
    (tmp_path / "test_marks.py").write_text("import pytest\n" + "".join(tests))

    collected = []
    for options in run_tests.pytest_parts().values():
        chosen = options[options.index("-m") :]  # without what lets them run side by side
        output = run_pytest(tmp_path, "--collect-only", "-q", *chosen).stdout
        collected += re.findall(r"::(test_\d+)", output)

    assert sorted(collected) == [f"test_{number}" for number in range(len(marks))]


def test_the_sum_counts_errors_as_failures(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(
        "import pytest\n"
        "@pytest.fixture\n"
        "def broken(): raise ValueError\n"
        "def test_good(): pass\n"
        "def test_bad(): assert False\n"
        "def test_error(broken): pass\n"
        "def test_skip(): pytest.skip('why not')\n"
    )
    junit = tmp_path / "junit.xml"
    run_pytest(tmp_path, f"--junitxml={junit}")

    assert str(run_tests.read_junit(junit)) == "1 passed, 2 failed, 1 skipped"


@pytest.mark.parametrize(("required", "outcome"), [("", "1 skipped"), ("php,contracts", "1 error")])
def test_what_is_missing_skips_unless_it_is_required(
    required: str, outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    (tmp_path / "test_sample.py").write_text("def test_reads_a_contract(contracts_dir): pass\n")
    monkeypatch.setenv("REGULARS_TEST_REQUIRE", required)
    monkeypatch.delenv("REGULARS_CONTRACTS", raising=False)

    result = run_pytest(tmp_path)

    assert outcome in result.stdout


def test_a_misspelt_requirement_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    monkeypatch.setenv("REGULARS_TEST_REQUIRE", "postgers")

    result = run_pytest(tmp_path)

    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "postgers" in result.stderr


def plant(folder: Path, module: str, line: str) -> None:
    """A copy of the packages with one line more than they have, and with whatever that line points at."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    for path in python_files(PACKAGES):
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    for name, text in OTHER_ENDS.items():
        path = folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
    with (folder / module).open("a") as file:
        file.write(f"\n{line}\n")


def lint_imports(folder: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    for contract in contracts:
        command += ["--contract", contract]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a folder of its own, with this house's settings."""
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder)]
    command += ["-p", "no:cacheprovider", *options, str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def repository_files() -> list[Path]:
    """What is committed or would be: the ignored is not ours to judge."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def python_files(folders: list[str]) -> list[Path]:
    return [path for path in repository_files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders]


def readable_text(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


def pins(path: Path) -> dict[str, set[str]]:
    """Versions by distribution; a distribution has several where they differ by Python version."""
    versions: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", path.read_text(), flags=re.MULTILINE):
        versions.setdefault(name, set()).add(version)
    return versions


def declared() -> set[str]:
    return {distribution(line) for line in PYPROJECT["project"]["dependencies"]}


def distribution(requirement: str) -> str:
    match = re.match(r"[\w.-]+", requirement)
    assert match is not None
    return normalised(match.group())


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported_names(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names
