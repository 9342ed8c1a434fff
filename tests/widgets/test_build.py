"""The built files are small, and are what the sources make."""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from widgets.browser_texts import LOADER_TEXTS, STATIC, compiled, file_name
from widgets.catalogues import LANGUAGES, catalogue

WIDGETS = Path("widgets")
LOADER_LIMIT, WHOLE_LIMIT, MAILED_LIMIT = 4_000, 15_000, 15_400


def packed(content: bytes) -> int:
    """As `gzip -9` would."""
    return len(gzip.compress(content, compresslevel=9, mtime=0))


def test_the_loader_is_under_4_kb() -> None:
    assert packed((STATIC / "loader.js").read_bytes()) <= LOADER_LIMIT


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_in_one_language_is_under_15_kb(language: str) -> None:
    files = ["loader.js", "panel.js", file_name(language)]
    words = json.dumps(compiled(LOADER_TEXTS, catalogue(language))).encode()

    assert sum(packed((STATIC / name).read_bytes()) for name in files) + packed(words) <= WHOLE_LIMIT


@pytest.mark.parametrize("language", LANGUAGES)
def test_with_what_a_shop_without_signatures_needs_it_is_under_15_4_kb(language: str) -> None:
    files = ["loader.js", "panel.js", "mailed.js", file_name(language)]
    words = json.dumps(compiled(LOADER_TEXTS, catalogue(language))).encode()

    assert sum(packed((STATIC / name).read_bytes()) for name in files) + packed(words) <= MAILED_LIMIT


def test_the_built_files_name_the_hash_of_their_sources() -> None:
    digest = hashlib.sha256()
    for path in sorted((WIDGETS / "source").iterdir()):
        digest.update(f"{path.name}\n".encode() + path.read_bytes())

    for name in ("loader.js", "panel.js", "mailed.js"):
        named = re.search(r"source ([0-9a-f]{16})", (STATIC / name).read_text())
        assert named is not None
        assert named.group(1) == digest.hexdigest()[:16], "run `npm run build` in widgets/"


def test_the_built_files_are_what_a_build_makes(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (WIDGETS / "node_modules/esbuild").is_dir():
        pytest.skip(
            "node and esbuild (npm ci in widgets/) are not at hand; the hash of the sources was checked instead"
        )

    subprocess.run([node, "build.mjs", str(tmp_path)], cwd=WIDGETS, check=True, env=os.environ, timeout=60)

    for name in ("loader.js", "panel.js", "mailed.js"):
        assert (tmp_path / name).read_bytes() == (STATIC / name).read_bytes(), "run `npm run build` in widgets/"


def test_the_widget_writes_no_markup_and_keeps_no_identity() -> None:
    code = "\n".join(path.read_text() for path in (WIDGETS / "source").glob("*.js"))

    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "console."):
        assert word not in code, word
    keeping = {path.name for path in (WIDGETS / "source").glob("*.js") if "localStorage" in path.read_text()}
    assert keeping == {"mailed.js"}  # our own token, where the shop has none to ask for: see widgets/proofs.py
    assert re.findall(r"sessionStorage\.setItem\((\w+)", code) == ["PREVIEW"]
    assert "document.cookie" not in code


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (WIDGETS / "package-lock.json").read_text()
