"""Runs the plugin's own PHP: its signing alone, and the whole plugin in the small WordPress of wordpress.php."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "connectors/woocommerce/storefront/regulars"
WORDPRESS = Path(__file__).with_name("wordpress.php")

Php = Callable[..., Any]


@pytest.fixture(scope="session")
def signing(php: str) -> Php:
    """Give PHP `$in`, get back the value of an expression; signing.php must need nothing but PHP."""

    def evaluate(expression: str, given: Any = None) -> Any:
        return run(php, f"require '{PLUGIN / 'includes/signing.php'}'; answer({expression});", given)

    return evaluate


@pytest.fixture(scope="session")
def plugin(php: str) -> Php:
    """Run statements in a made-up WordPress with the plugin loaded; `answer()` says what comes back."""

    def execute(statements: str, given: Any = None) -> Any:
        return run(php, f"require '{WORDPRESS}'; {statements}", given)

    return execute


def run(php: str, code: str, given: Any) -> Any:
    frame = (
        "error_reporting(E_ALL); set_error_handler(function ($no, $text) { throw new ErrorException($text); });"
        "$in = json_decode(stream_get_contents(STDIN), true);"
        "function answer($value) { echo json_encode($value, JSON_THROW_ON_ERROR); }"
    )
    environment = {"PLUGIN": str(PLUGIN)}
    done = subprocess.run(
        [php, "-r", frame + code], input=json.dumps(given), env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and not done.stderr, f"{done.stderr}\n{done.stdout}"
    return json.loads(done.stdout)
