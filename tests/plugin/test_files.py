"""The plugin as files: every one parses, the versions agree, and no pairing lies in the tree."""

import re
import subprocess
from pathlib import Path

from tests.plugin.conftest import PLUGIN

FILES = sorted(PLUGIN.rglob("*.php"))


def test_every_php_file_parses(php: str) -> None:
    refused = {}
    for file in FILES:
        done = subprocess.run([php, "-l", str(file)], capture_output=True, text=True, timeout=60)
        if done.returncode:
            refused[file.name] = done.stdout

    assert len(FILES) >= 8
    assert refused == {}


def test_no_php_file_answers_when_it_is_called_by_address() -> None:
    guard = re.compile(r"defined\( '(ABSPATH|WP_UNINSTALL_PLUGIN)' \) \|\| exit;")

    # signing.php only defines functions, so that it runs without WordPress.
    assert [file.name for file in FILES if not guard.search(text(file))] == ["signing.php"]


def test_header_constant_and_readme_name_one_version() -> None:
    header = re.search(r"^ \* Version: +(\S+)$", text(PLUGIN / "regulars.php"), re.MULTILINE)
    constant = re.search(r"REGULARS_VERSION = '([^']+)'", text(PLUGIN / "regulars.php"))
    stable = re.search(r"^Stable tag: (\S+)$", text(PLUGIN / "readme.txt"), re.MULTILINE)

    assert header and constant and stable
    assert header.group(1) == constant.group(1) == stable.group(1)


def test_the_licence_is_one_that_wordpress_plugins_may_have() -> None:
    assert "License:              GPL-2.0-or-later" in text(PLUGIN / "regulars.php")


def test_what_the_uninstaller_removes_is_what_the_plugin_keeps() -> None:
    kept = set(re.findall(r"^const \w+ += '(regulars_\w+)';", text(PLUGIN / "includes/pairing.php"), re.MULTILINE))
    removed = set(re.findall(r"'(regulars_\w+)'", text(PLUGIN / "uninstall.php")))

    assert len(kept) == 3
    assert removed == kept


def test_the_tree_holds_no_pairing() -> None:
    assert not list(PLUGIN.rglob("regulars-pairing.php"))


def text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
