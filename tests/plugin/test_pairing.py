"""A code becomes a key, or a sentence that says what to do; the code is not kept, and the key not autoloaded."""

import json
from typing import Any

import pytest

from tests.plugin.conftest import Php

PAIR = "answer([is_wp_error($r = regulars_pair(regulars_read_line($in))) ? $r->get_error_message() : $r, World::$options]);"
LINE = "https://points.example|0123456789abcdef|CODE-1234"


def test_a_code_is_exchanged_for_a_key(plugin: Php) -> None:
    result, options, autoloads, sent, printed = plugin(
        "World::$answers = [[200, PAIRED]]; $r = regulars_pair(regulars_read_line($in));"
        "answer([$r, World::$options, World::$autoloads, World::$sent, World::$printed]);",
        LINE,
    )

    url, call = sent[0]
    assert result is True
    assert url == "https://points.example/webhooks/woocommerce/0123456789abcdef/pair"
    told = json.loads(call["body"])
    assert told == {"code": "CODE-1234", "plugin_version": "1.0.0", "site_url": "https://shop.example"}
    assert call["redirection"] == 0
    assert options["regulars_connection"]["kid"] == "k1"
    assert autoloads == {"regulars_connection": False}
    assert "CODE-1234" not in json.dumps(options)
    assert printed == ["deleted regulars-pairing.php"]


@pytest.mark.parametrize(
    "line",
    [f"  {LINE}\n", LINE.replace("|", " |\n"), LINE.replace("example|", "example/|")],
    ids=["ends", "broken", "slash"],
)
def test_a_line_is_read_however_it_was_pasted(plugin: Php, line: str) -> None:
    result, options = plugin(f"World::$answers = [[200, PAIRED]]; {PAIR}", line)

    assert result is True
    assert options["regulars_connection"]["server_url"] == "https://points.example"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "Something is missing"),
        ("https://points.example", "Something is missing"),
        ("http://points.example|0123456789abcdef|C", "must begin with https://"),
        ("https://user@points.example|0123456789abcdef|C", "must begin with https://"),
        ("javascript:alert(1)|0123456789abcdef|C", "must begin with https://"),
        ("https://points.example|../../x|C", "shop key is not complete"),
    ],
)
def test_a_line_that_cannot_be_right_is_not_sent(plugin: Php, line: str, words: str) -> None:
    result, options, sent = plugin(PAIR.replace("World::$options", "World::$options, World::$sent"), line)

    assert words in result
    assert options["regulars_attempt"]["error"] == result
    assert sent == []


def test_a_server_on_this_very_machine_needs_no_https(plugin: Php) -> None:
    result, _ = plugin(f"World::$answers = [[200, PAIRED]]; {PAIR}", "http://127.0.0.1:8000|0123456789abcdef|C")

    assert result is True


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, '{"error":"x"}', "did not accept the code"),
        (410, "", "did not accept the code"),
        (429, "", "too many tries"),
        (502, "<html>", "has a problem of its own (error 502)"),
        (404, "<html>", "it is not a Regulars server"),
        (302, "", "it is not a Regulars server"),
        (200, "<html>", "it is not a Regulars server"),
        (200, '{"kid":"k1","key":"AAEC","loader_url":"https://points.example/l.js"}', "it is not a Regulars server"),
        (200, '{"kid":["k"],"key":7,"loader_url":null}', "it is not a Regulars server"),
    ],
)
def test_a_refusal_is_a_sentence_and_the_old_connection_stays(plugin: Php, status: int, body: str, words: str) -> None:
    given = {"line": LINE, "answer": [status, body]}
    result, options = plugin(
        "connected(); World::$answers = [$in['answer']]; $in = $in['line'];" + PAIR,
        given,
    )

    assert words in result
    assert options["regulars_attempt"]["error"] == result
    assert options["regulars_connection"]["kid"] == "k1"
    assert "CODE-1234" not in json.dumps(options)


def test_a_key_is_not_taken_from_a_server_that_serves_the_widget_in_the_clear(plugin: Php) -> None:
    insecure = "str_replace('https://points.example/w', 'http://points.example/w', PAIRED)"

    result, options = plugin(f"World::$answers = [[200, {insecure}]]; {PAIR}", LINE)

    assert "it is not a Regulars server" in result
    assert "regulars_connection" not in options


def test_a_server_that_cannot_be_reached_is_named(plugin: Php) -> None:
    result, _ = plugin(f"World::$answers = [new WP_Error('http', 'timed out')]; {PAIR}", LINE)

    assert result.startswith("The server https://points.example did not answer (timed out).")


def test_moving_to_https_keeps_the_connection_and_moving_house_does_not(plugin: Php) -> None:
    moved: list[Any] = plugin(
        "World::$options['home'] = 'http://shop.example'; connected();"
        "$at = function ($home) { World::$options['home'] = $home; return regulars_connection() !== null; };"
        "answer(array_map($at, $in));",
        [
            "http://shop.example",
            "https://shop.example",
            "https://Shop.example/",
            "https://shop.example/en",
            "https://x.example",
        ],
    )

    assert moved == [True, True, True, False, False]


def test_the_shop_names_itself_as_wordpress_does(plugin: Php) -> None:
    asked = "World::$options['home'] = $in[0]; World::$ssl = $in[1]; answer(regulars_shop_url());"

    assert plugin(asked, ["https://shop.example/", True]) == "https://shop.example"
    assert plugin(asked, ["https://shop.example", False]) == "https://shop.example"
    assert plugin(asked, ["http://shop.example", True]) == "https://shop.example"
    assert plugin(asked, ["http://shop.example", False]) == "http://shop.example"


def test_disconnecting_leaves_nothing(plugin: Php) -> None:
    assert plugin("connected(); regulars_disconnect(); answer(World::$options);") == {"home": "https://shop.example"}
