"""A job's file in pieces: packed or plain, in ranges or whole, and every way that it can be broken."""

import gzip
import re
import socket
from collections.abc import Callable
from typing import Any

import pytest

from connectors.shoptet.results import LARGEST_LINE, Lines
from connectors.transport import AddressPolicy, Transport
from core.errors import Unreadable
from tests.connectors.scripted import ScriptedServer, answer

ROWS = [f'{{"code": "{number}", "name": "Čokoláda {number * 7919}"}}'.encode() for number in range(400)]
PLAIN = b"\n".join(ROWS) + b"\n"


def host(body: bytes, server: Callable[[], ScriptedServer], *, ranges: bool = True) -> Callable[[socket.socket], None]:
    """Gives out parts of a file as they are asked for."""

    def serve(connection: socket.socket) -> None:
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", server().asked[-1].headers["range"])
        assert found
        begin, end = int(found.group(1)), int(found.group(2))
        if not ranges:
            connection.sendall(answer(body=body, kind="application/gzip"))
        elif begin >= len(body):
            connection.sendall(answer("416 Behind the end", b""))
        else:
            connection.sendall(answer("206 Part", body[begin : end + 1], kind="application/gzip"))

    return serve


def lines_of(body: bytes, *, ranges: bool = True, piece_bytes: int = 512, skip: int = 0) -> list[bytes]:
    with ScriptedServer([]) as server:
        server.answers = [host(body, lambda: server, ranges=ranges)]
        lines = Lines(Transport(AddressPolicy(allow_loopback=True)), f"{server.url}/1.json.gz", piece_bytes=piece_bytes)
        lines.skip(skip)
        return list(lines)


@pytest.mark.parametrize("ranges", [True, False], ids=["in-ranges", "whole"])
@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["packed", "plain"])
def test_every_line_is_read_once_and_in_its_order(pack: Callable[[bytes], bytes], ranges: bool) -> None:
    body = pack(PLAIN)

    assert lines_of(body, ranges=ranges) == ROWS
    assert lines_of(body[:-1] if pack is bytes else pack(PLAIN.rstrip()), ranges=ranges) == ROWS
    assert lines_of(body, ranges=ranges, piece_bytes=len(body)) == ROWS


def test_a_file_of_several_members_is_one_file() -> None:
    half = len(PLAIN) // 2

    assert lines_of(gzip.compress(PLAIN[:half]) + gzip.compress(PLAIN[half:])) == ROWS


def test_what_packs_very_well_is_unpacked_little_by_little_and_whole() -> None:
    rows = [b'{"a": "%s"}' % (b"x" * 5000)] * 200

    assert lines_of(gzip.compress(b"\n".join(rows)), piece_bytes=256) == rows


def test_reading_goes_on_behind_the_lines_that_were_read() -> None:
    assert lines_of(gzip.compress(PLAIN), skip=397) == ROWS[397:]


def test_a_file_with_fewer_lines_than_were_read_is_another_file() -> None:
    with pytest.raises(Unreadable):
        lines_of(gzip.compress(PLAIN), skip=401)


def test_nothing_in_it_is_nothing() -> None:
    assert lines_of(b"") == lines_of(gzip.compress(b"")) == lines_of(gzip.compress(b"\n \n")) == []


@pytest.mark.parametrize(
    "body",
    [gzip.compress(PLAIN)[:-20], gzip.compress(PLAIN)[:3], b"\x1f\x8b" + b"nonsense" * 9],
    ids=["cut", "begun", "broken"],
)
@pytest.mark.parametrize("ranges", [True, False], ids=["in-ranges", "whole"])
def test_a_file_that_breaks_off_is_no_end(body: bytes, ranges: bool) -> None:
    with pytest.raises(Unreadable):
        lines_of(body, ranges=ranges)


def test_a_line_beyond_all_bounds_is_not_read() -> None:
    with pytest.raises(Unreadable) as refused:
        lines_of(gzip.compress(b"x" * (LARGEST_LINE + 1024 * 1024)), piece_bytes=64 * 1024)

    assert refused.value.code == "snapshot_line"


@pytest.mark.parametrize(
    ("status", "code"), [("404 No", "snapshot_gone"), ("403 No", "snapshot_gone"), ("500 No", "snapshot_file")]
)
def test_a_file_that_is_gone_is_told_from_one_that_cannot_be_read_now(status: str, code: str) -> None:
    with ScriptedServer([answer(status, b"")]) as server:
        lines: Any = Lines(Transport(AddressPolicy(allow_loopback=True)), f"{server.url}/1.json.gz")
        with pytest.raises(Unreadable) as refused:
            lines.following()

    assert refused.value.code == code
