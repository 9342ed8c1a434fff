"""What runs in a Shopify shop: its logic under Node, its types and bundles, its sizes, and every language whole."""

import gzip
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from widgets.catalogues import LANGUAGES

APP = Path("connectors/shopify/storefront").resolve()
EXTENSIONS = APP / "extensions"
THEME = EXTENSIONS / "regulars-theme"
UI_EXTENSIONS = ["regulars-checkout", "regulars-account"]
LOGIC = sorted(Path("tests/widgets/shopify_extensions").glob("*.test.mjs"))
KB = 1024
# CLDR's forms of each language, as Shopify's `translate` asks for them.
FORMS = {"en": {"one", "other"}, **{name: {"one", "few", "many", "other"} for name in ("cs", "pl", "sk")}}


def packed(*files: Path) -> int:
    return sum(len(gzip.compress(file.read_bytes(), compresslevel=9, mtime=0)) for file in files)


def own_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and "node_modules" not in path.parts]


# --- the logic, without npm


@pytest.mark.parametrize("file", LOGIC, ids=lambda file: file.stem)
def test_the_logic_holds_under_node(file: Path, node: str) -> None:
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", str(file)], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stdout
    assert re.search(r"^# pass [1-9]", done.stdout, re.MULTILINE), done.stdout


def test_the_logic_has_its_tests() -> None:
    assert [file.name.partition(".")[0] for file in LOGIC] == sorted(
        file.stem for file in (APP / "shared").glob("*.js")
    )


# --- types and bundles, with npm


@pytest.mark.parametrize("extension", UI_EXTENSIONS)
def test_the_types_of_shopifys_own_package_are_kept(extension: str, node_with_packages: str) -> None:
    command = [node_with_packages, str(APP / "node_modules/typescript/bin/tsc"), "-p", str(EXTENSIONS / extension)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stdout


def test_a_wrong_attribute_would_be_noticed(tmp_path: Path, node_with_packages: str) -> None:
    """The check of types would be worth nothing if every tag and every call were allowed."""
    command = [node_with_packages, str(APP / "node_modules/typescript/bin/tsc")]
    copy = tmp_path / "app"
    shutil.copytree(APP, copy, ignore=shutil.ignore_patterns("node_modules"))
    (copy / "node_modules").symlink_to(APP / "node_modules")
    source = copy / "extensions/regulars-checkout/src/Reductions.tsx"
    text = source.read_text()
    source.write_text(text.replace('variant="secondary"', 'variant="shouting"').replace(".canUpdate", ".couldUpdate"))

    done = subprocess.run(
        [*command, "-p", str(source.parent.parent)], capture_output=True, text=True, timeout=300, check=False
    )

    assert "shouting" in done.stdout
    assert "couldUpdateDiscountCodes" in done.stdout
    assert done.stdout.count("error TS") == 2


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory, node_with_packages: str) -> Path:
    folder = tmp_path_factory.mktemp("bundles")
    subprocess.run([node_with_packages, str(APP / "check.mjs"), str(folder)], check=True, timeout=120)
    return folder


@pytest.mark.parametrize("extension", UI_EXTENSIONS)
def test_a_bundle_is_far_below_what_shopify_takes(bundles: Path, extension: str) -> None:
    assert packed(bundles / f"{extension}.js") <= 20 * KB  # Shopify takes 64


def test_shopifys_package_and_the_pinned_version_are_one() -> None:
    wanted = json.loads((APP / "package.json").read_text())["dependencies"]["@shopify/ui-extensions"]

    for extension in UI_EXTENSIONS:
        version = tomllib.loads((EXTENSIONS / extension / "shopify.extension.toml").read_text())["api_version"]
        year, month = version.split("-")
        assert wanted.startswith(f"{year}.{int(month)}."), version


def test_the_lock_names_no_place_and_agrees_with_what_is_asked_for() -> None:
    asked = json.loads((APP / "package.json").read_text())
    lock = json.loads((APP / "package-lock.json").read_text())["packages"]

    assert lock[""]["dependencies"] == asked["dependencies"]
    assert lock[""]["devDependencies"] == asked["devDependencies"]
    assert all("resolved" not in package and ("integrity" in package) == bool(name) for name, package in lock.items())


# --- what a UI extension declares


@pytest.mark.parametrize(
    ("extension", "targets"),
    [
        ("regulars-checkout", ["purchase.checkout.reductions.render-after", "purchase.thank-you.block.render"]),
        ("regulars-account", ["customer-account.profile.block.render"]),
    ],
)
def test_an_extension_declares_its_targets_and_no_more_power_than_the_network(
    extension: str, targets: list[str]
) -> None:
    settings = tomllib.loads((EXTENSIONS / extension / "shopify.extension.toml").read_text())
    (declared,) = settings["extensions"]

    assert [target["target"] for target in declared["targeting"]] == targets
    assert all((EXTENSIONS / extension / target["module"]).is_file() for target in declared["targeting"])
    assert declared["capabilities"] == {"network_access": True}


def test_nothing_keeps_an_identity_writes_markup_or_counts_down() -> None:
    code = [path for path in own_files(APP) if path.suffix in {".js", ".tsx", ".liquid"}]
    forbidden = ("cookie", "localStorage", "sessionStorage", "innerHTML", "outerHTML", "insertAdjacent", "eval(")
    forbidden += (
        "document.write",
        "setInterval",
        "console.",
        "shopify.storage",
        "applyAttributeChange",
        "new Function",
    )

    assert len(code) >= 10
    for path in code:
        found = [word for word in forbidden if word in path.read_text()]
        assert not found, path.name


def test_the_only_code_from_elsewhere_is_our_loader() -> None:
    code = "".join(path.read_text() for path in own_files(APP) if path.suffix in {".js", ".tsx", ".liquid"})

    assert re.findall(r"\.src = (.+);", code) == ["`${SERVER}/widget/v1/loader.js`"]
    assert not re.search(r"""\bimport\((?!"\.\.?/)|importScripts|<script[^>]*\ssrc=|https?://""", code)


# --- the theme extension


def test_the_theme_extension_is_within_shopifys_limits() -> None:
    """10 MB, 30 blocks, 100 KB of Liquid, 100 locale files of 15 KB; suggested: 10 KB of script, compressed."""
    files = own_files(THEME)
    liquid = [path for path in files if path.suffix == ".liquid"]
    locales = list((THEME / "locales").iterdir())

    assert sum(path.stat().st_size for path in files) < 10 * KB * KB
    assert len(list((THEME / "blocks").iterdir())) <= 30
    assert sum(path.stat().st_size for path in liquid) <= 100 * KB
    assert len(locales) <= 100
    assert max(path.stat().st_size for path in locales) <= 15 * KB
    assert packed(*(THEME / "assets").iterdir()) <= 10 * KB
    assert {path.parent.name for path in files} == {THEME.name, "assets", "blocks", "locales"}
    assert {path.name for path in files if path.parent == THEME} == {"shopify.extension.toml"}


def test_the_script_is_small_enough_for_every_page() -> None:
    assert packed(THEME / "assets/regulars.js") <= 2 * KB


@pytest.mark.parametrize("block", sorted((THEME / "blocks").iterdir()), ids=lambda block: block.stem)
def test_liquid_prints_nothing_unescaped_and_nothing_from_the_address(block: Path) -> None:
    text = block.read_text()
    printed = re.findall(r"\{\{-?(.*?)-?\}\}", text, re.DOTALL)

    assert printed
    for expression in printed:
        is_markup = expression.strip() == "block.shopify_attributes"  # Shopify's own, for its editor
        assert is_markup or re.search(r"\| (escape|json)\s*$", expression), expression
    for word in ("request.", "canonical_url", "search.terms", "content_for", "current_tags", "settings.", "customer."):
        assert not any(word in expression for expression in printed), word


def test_the_blocks_are_where_they_belong() -> None:
    targets = {block.stem: schema(block) for block in (THEME / "blocks").iterdir()}

    assert {name: found["target"] for name, found in targets.items()} == {
        "launcher": "body",
        "product-points": "section",
        "account": "section",
    }
    assert targets["product-points"]["enabled_on"] == {"templates": ["product"]}
    assert all(found["javascript"] == "regulars.js" for found in targets.values())


def test_every_text_that_a_block_asks_for_is_there_and_no_other() -> None:
    texts, names = flat(locale("regulars-theme", "en")), flat(locale("regulars-theme", "en", kind=".schema"))
    blocks = "".join(block.read_text() for block in (THEME / "blocks").iterdir())

    assert set(re.findall(r"'([\w.]+)' \| t\b", blocks)) == set(texts)
    assert set(re.findall(r'"t:([\w.]+)"', blocks)) == set(names)
    assert all(len(name) <= 25 for name in names.values())


# --- texts


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("extension", ["regulars-theme", *UI_EXTENSIONS])
def test_every_language_has_every_text_with_its_placeholders_and_forms(extension: str, language: str) -> None:
    english, texts = locale(extension, "en"), locale(extension, language)

    assert keys(texts) == keys(english)
    for key, text in leaves(texts):
        wanted = dict(leaves(english))[key]
        if isinstance(text, dict):
            assert set(text) == FORMS[language], key
            assert {placeholders(form) for form in text.values()} == {placeholders(wanted["other"])}, key
        else:
            assert text.strip(), key
            assert placeholders(text) == placeholders(wanted), key


@pytest.mark.parametrize("extension", UI_EXTENSIONS)
def test_every_text_of_a_ui_extension_is_used_and_every_used_one_is_there(extension: str) -> None:
    source = "".join(path.read_text() for path in (EXTENSIONS / extension / "src").iterdir())
    said = set(re.findall(r'translate\(\s*"(\w+)"', source))
    if extension == "regulars-checkout":
        said |= {"reward", "code"} | set(re.findall(r'"(late|done|problem)"', source))

    assert said == set(locale(extension, "en"))


def test_the_languages_are_those_of_the_widget() -> None:
    for extension in ("regulars-theme", *UI_EXTENSIONS):
        there = {path.name.partition(".")[0] for path in (EXTENSIONS / extension / "locales").iterdir()}
        assert there == set(LANGUAGES)


def schema(block: Path) -> dict[str, Any]:
    match = re.search(r"\{% schema %\}(.*?)\{% endschema %\}", block.read_text(), re.DOTALL)
    assert match is not None
    found: dict[str, Any] = json.loads(match.group(1))
    return found


def locale(extension: str, language: str, *, kind: str = "") -> dict[str, Any]:
    name = f"{language}{'.default' if language == 'en' else ''}{kind}.json"
    found: dict[str, Any] = json.loads((EXTENSIONS / extension / "locales" / name).read_text())
    return found


def leaves(texts: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Texts by dotted key; plural forms stay together."""
    for key, value in texts.items():
        if isinstance(value, dict) and "other" not in value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def flat(texts: dict[str, Any]) -> dict[str, str]:
    return dict(leaves(texts))


def keys(texts: dict[str, Any]) -> set[str]:
    return {key for key, _ in leaves(texts)}


def placeholders(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\{\{?\w+\}?\}", text))
