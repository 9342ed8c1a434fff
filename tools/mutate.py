"""Changes the money code a thousand times, one small thing at a time, and sees whether a test notices: mutation testing.

`python -m tools.mutate` for everything, `python -m tools.mutate core/ledger/lots.py` for some modules. It works in a copy of
the tree that stays, so that a run goes on where it was stopped; the working tree is never touched. See docs/mutation.md.
"""

import argparse
import difflib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# One place per checkout, so that two checkouts do not mix their results.
_NAME = f"regulars-mutation-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]}"
WORKSHOP = Path(os.environ.get("REGULARS_MUTATION_DIR", Path(tempfile.gettempdir()) / _NAME))


@dataclass(frozen=True)
class Group:
    """Modules, and the tests that must notice a change in them. Few and fast tests: each runs a thousand times."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    packages: tuple[str, ...] = ("core",)


GROUPS = (
    Group(
        (
            "core/money.py",
            "core/commerce.py",
            "core/ledger/lots.py",
            "core/ledger/book.py",
            "core/ledger/chain.py",
            "core/earning/assess.py",
            "core/earning/snapshot.py",
            "core/rewards/redemption/effect.py",
            "core/rewards/redemption/pieces.py",
            "core/rewards/redemption/quote.py",
        ),
        (
            "tests/core/test_money.py",
            "tests/core/test_kept.py",
            "tests/core/test_lots.py",
            "tests/core/test_book.py",
            "tests/core/test_book_returns.py",
            "tests/core/test_chain.py",
            "tests/core/test_assess.py",
            "tests/core/test_pieces.py",
            "tests/core/test_effect.py",
            "tests/core/test_quote.py",
        ),
    ),
    Group(
        ("connectors/woocommerce/webhooks.py", "connectors/woocommerce/identity.py", "connectors/shopper_tokens.py"),
        ("tests/connectors/woocommerce/test_webhooks.py", "tests/connectors/woocommerce/test_identity.py"),
        ("core", "connectors", "demo"),
    ),
    Group(
        (
            "core/ledger/commands.py",
            "core/ledger/verify.py",
            "core/earning/settlement.py",
            "core/earning/redeemed.py",
            "core/earning/awards.py",
            "core/rewards/redemption/commands.py",
        ),
        (
            "tests/core/test_redemption.py",
            "tests/core/test_regressions.py",
            "tests/core/test_settlement.py",
            "tests/core/test_verify.py",
        ),
    ),
)
GROUP_OF = {module: group for group in GROUPS for module in group.modules}
# One engine is enough here, and the words of an error are no rule about points.
_SETUP = """[mutmut]
source_paths=
{packages}
only_mutate=
    {module}
do_not_mutate_patterns=
    raise \\w+\\(
pytest_add_cli_args=
    -p
    no:cacheprovider
    -k
    not postgres
pytest_add_cli_args_test_selection=
{tests}
timeout_multiplier=3
use_git_change_detection=false
"""
_OPERATORS = {"comparison": r"[<>]=?|[!=]=|\b(?:not|is|in|and|or|min|max)\b", "sign": r"[-+*/%]"}
KINDS = (*_OPERATORS, "other")
# mutmut's notes are exit codes of pytest or of the operating system. What nothing ended any more was noticed as well: a run
# of the tests would not have come to its end. A change that no test reaches (5, 33) is a survivor.
_CODES = {"killed": (1, 3, -24, 24, 36, 152, 255, -11), "survived": (0, 5, 33)}
_VERDICTS = {code: verdict for verdict, codes in _CODES.items() for code in codes}


@dataclass(frozen=True)
class Mutant:
    name: str
    module: str
    verdict: str  # killed (by a test, or because nothing ended any more), survived, open

    @property
    def number(self) -> str:
        return self.name.rpartition(".")[2]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.mutate", description=__doc__)
    parser.add_argument("modules", nargs="*", help="paths such as core/ledger/lots.py; all of them when none is named")
    parser.add_argument("--report", action="store_true", help="only print what earlier runs found")
    chosen = parser.parse_args(arguments)
    if unknown := [module for module in chosen.modules if module not in GROUP_OF]:
        print(f"Not among the modules that are mutated: {', '.join(unknown)}. They are:", *GROUP_OF, sep="\n  ")
        return 2
    modules = chosen.modules or list(GROUP_OF)
    if not chosen.report:
        for module in modules:
            print(f"\n{module}", flush=True)
            if code := run(prepare(module)):
                return code
    return report(modules)


def prepare(module: str) -> Path:
    """A copy of what is mutated and of what tests it, brought up to date. Verdicts on unchanged functions stay."""
    group, workshop = GROUP_OF[module], workshop_of(module)
    for package in group.packages:
        mirror(ROOT / package, workshop / package)
    tests_changed = mirror(ROOT / "tests", workshop / "tests")
    shutil.copy(ROOT / "pyproject.toml", workshop)
    packages, tests = ("\n".join(f"    {value}" for value in values) for values in (group.packages, group.tests))
    (workshop / "setup.cfg").write_text(_SETUP.format(packages=packages, module=module, tests=tests))
    if tests_changed:
        forget_survivors(workshop, module)
    return workshop


def run(workshop: Path) -> int:
    """mutmut runs what has no verdict yet. One process, and a patient one: the machine may have other things to do."""
    command = ["nice", "-n", "10", sys.executable, "-m", "mutmut", "run", "--max-children", "1"]
    return subprocess.run(command, cwd=workshop, check=False).returncode


def report(modules: Sequence[str]) -> int:
    """A table of scores, then every survivor with its change, comparisons and signs first. 1 if anything was left open."""
    print(f"\n{'module':42} {'killed':>7} {'survived':>9} {'open':>6} {'score':>8}")
    everything = {module: mutants_of(module) for module in modules}
    for module, mutants in everything.items():
        print(score_of(module, mutants))
    print(score_of("all", [mutant for mutants in everything.values() for mutant in mutants]))
    survivors = [mutant for mutants in everything.values() for mutant in mutants if mutant.verdict == "survived"]
    changes = [(mutant, change_of(mutant)) for mutant in survivors]
    for kind in KINDS:
        print(f"\n-- survived: {kind}")
        for mutant, change in changes:
            if kind_of(change) == kind:
                print(f"{mutant.module} {mutant.number}", *change, sep="\n    ")
    return int(any(not mutants or any(m.verdict == "open" for m in mutants) for mutants in everything.values()))


def score_of(name: str, mutants: Sequence[Mutant]) -> str:
    killed, survived, left = (sum(m.verdict == verdict for m in mutants) for verdict in ("killed", "survived", "open"))
    score = f"{100 * killed / (killed + survived):.1f} %" if killed + survived else "not run"
    return f"{name:42} {killed:>7} {survived:>9} {left:>6} {score:>8}"


def mutants_of(module: str) -> list[Mutant]:
    """What mutmut has noted so far. What has no note, or a strange one, is open."""
    notes = workshop_of(module) / "mutants" / f"{module}.meta"
    if not notes.exists():
        return []
    codes = json.loads(notes.read_text())["exit_code_by_key"]
    return [Mutant(name, module, _VERDICTS.get(code, "open")) for name, code in codes.items()]


def forget_survivors(workshop: Path, module: str) -> None:
    """The tests have changed: who survived the old ones is tried again, and which test covers what is found out anew."""
    (workshop / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    notes = workshop / "mutants" / f"{module}.meta"
    if not notes.exists():
        return
    noted = json.loads(notes.read_text())
    codes = noted["exit_code_by_key"]
    noted["exit_code_by_key"] = {
        name: None if _VERDICTS.get(code) == "survived" else code for name, code in codes.items()
    }
    notes.write_text(json.dumps(noted, indent=4))


def change_of(mutant: Mutant) -> list[str]:
    """The lines that differ between the function and its mutant: removed ones, then added ones."""
    mutated = workshop_of(mutant.module) / "mutants" / mutant.module
    spans = json.loads(mutated.with_name(mutated.name + ".spans").read_text())["spans"]
    lines = mutated.read_text().splitlines()
    original = re.sub(r"__mutmut_\d+$", "__mutmut_orig", mutant.number)
    texts = []
    for name in (original, mutant.number):
        start, end = spans[name]
        texts.append([line.strip().replace(name, "function") for line in lines[start - 1 : end]])
    before, after = texts
    differing = difflib.unified_diff(before, after, lineterm="", n=0)
    return [line for line in differing if not line.startswith(("---", "+++", "@@"))]


def kind_of(change: Sequence[str]) -> str:
    """By what differs within the changed lines: an operator that compares, one that computes, or something else."""
    removed, added = ("\n".join(line[1:] for line in change if line[0] == sign) for sign in "-+")
    for kind, operators in _OPERATORS.items():
        if sorted(re.findall(operators, removed)) != sorted(re.findall(operators, added)):
            return kind
    return "other"


def mirror(source: Path, target: Path) -> bool:
    """Make the copy equal to the source, touching only what differs. True if anything did."""
    wanted = {path.relative_to(source) for path in _files(source)}
    changed = False
    for path in list(_files(target)):
        if path.relative_to(target) not in wanted:
            path.unlink()
            changed = True
    for name in wanted:
        copy = target / name
        if not copy.exists() or copy.read_bytes() != (source / name).read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, copy)
            changed = True
    return changed


def _files(folder: Path) -> Iterator[Path]:
    """All but what Python and npm make."""
    for path in folder.rglob("*"):
        if path.is_file() and not {"__pycache__", "node_modules"} & set(path.parts):
            yield path


def workshop_of(module: str) -> Path:
    return WORKSHOP / module.removesuffix(".py").replace("/", "-")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
