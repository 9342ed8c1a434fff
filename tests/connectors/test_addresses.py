"""The guard against forged addresses: what is called, what never is, over real sockets where a socket is the point."""

import contextlib
import socket
import sys
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.addresses import AddressPolicy, is_loopback, is_public, vet
from connectors.transport import Call, Limits, Transport
from core.errors import AddressRefused, PlatformError, Unreachable
from tests.connectors.scripted import ScriptedServer, answer

# What DNS says in these tests; numbers in any spelling are read as the system reads them, without asking anybody.
NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "internal.example": ["10.0.0.5"],
    "mixed.example": ["93.184.216.34", "127.0.0.1"],
    "mixed6.example": ["2606:2800:220:1:248:1893:25c8:1946", "fd00::1"],
    "metadata.google.internal": ["169.254.169.254"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "nat64.example": ["64:ff9b::a00:1"],
    "empty.example": [],
    "shop.example": ["93.184.216.34"],
}


def answering(host: str, port: int) -> Sequence[str]:
    known = NAMES.get(host.lower().rstrip("."))
    if known is not None:
        return known
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(each[4][0]) for each in found]


STRICT = AddressPolicy(resolve=answering)

FORGED = [
    # this machine, in every spelling
    "https://127.0.0.1:8080/", "https://127.1:8080/", "https://127.0.1:8080/", "https://2130706433:8080/",
    "https://0x7f000001:8080/", "https://0x7f.0.0.1:8080/", "https://0177.0.0.1:8080/",
    "https://127.255.255.254/", "https://0.0.0.0:8080/", "https://0:8080/", "https://localhost:8080/",
    "https://LOCALHOST:8080/", "https://localhost.:8080/", "https://[::1]:8080/", "https://[0:0:0:0:0:0:0:1]:8080/",
    "https://[::]:8080/", "https://[::ffff:127.0.0.1]:8080/", "https://[::ffff:7f00:1]:8080/",
    "https://[::127.0.0.1]:8080/", "https://１２７.0.0.1:8080/", "https://127。0。0。1:8080/", "https://①②⑦.⓪.⓪.①/",
    # private networks, and doors to them
    "https://10.0.0.1/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/",
    "https://100.64.0.1/", "https://100.127.255.255/", "https://[fc00::1]/", "https://[fd00:ec2::254]/",
    "https://[fe80::1]/", "https://[fec0::1]/", "https://[64:ff9b::7f00:1]/", "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::1]/", "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/", "https://[::ffff:0:10.0.0.1]/",
    # machines of clouds
    "https://169.254.169.254/latest/meta-data/", "https://100.100.100.200/", "https://168.63.129.16/",
    "https://192.0.0.192/", "https://metadata.google.internal/",
    # not for anybody
    "https://192.0.2.1/", "https://198.51.100.7/", "https://203.0.113.9/", "https://198.18.0.1/",
    "https://224.0.0.1/", "https://239.255.255.250/", "https://255.255.255.255/", "https://240.0.0.1/",
    "https://[ff02::1]/", "https://[2001:db8::1]/", "https://[3fff::1]/",
    # names
    "https://internal.example/", "https://mixed.example/", "https://mixed6.example/", "https://mapped.example/",
    "https://nat64.example/",
    # users, other schemes, other ports, broken lines
    "https://user:pw@shop.example/", "https://shop.example@127.0.0.1:8080/", "https://shop.example:pw@10.0.0.1/",
    "https://127.0.0.1:8080#@shop.example",
    "https://shop.example\\@127.0.0.1:8080/", "http://shop.example/", "http://127.0.0.1:8080/", "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO", "ftp://shop.example/", "dict://127.0.0.1:11211/", "https:///wp-json/", "https://",
    "//127.0.0.1/", "", "javascript:alert(1)", "https://shop.example:22/", "https://shop.example:6379/",
    "https://shop.example:0/", "https://shop.example:99999/", "https://shop.example/\r\nX: y", "https://shop .example/",
    "https://shop.example/\tx", "https://[::1/",
]  # fmt: skip


# Spellings that name nothing to this system.
NOTHING = ["https://127.0.0.1.:8080/", "https://[::1%25lo]:8080/", "https://empty.example/", "https://no.example/"]


class Watch:
    """Notes every connection that this process tries to make, from below all libraries."""

    def __init__(self) -> None:
        self.tried: list[object] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "socket.connect" and self.tried is not None:
            self.tried.append(arguments[1])

    @contextlib.contextmanager
    def on(self) -> Iterator[list[object]]:
        self.tried = []
        try:
            yield self.tried
        finally:
            self.tried = None


WATCH = Watch()


@pytest.mark.parametrize("url", FORGED)
def test_a_forged_address_is_refused_before_anything_is_called(url: str) -> None:
    transport = Transport(STRICT, limits=Limits(connect_s=1, tries=1))

    with WATCH.on() as tried, pytest.raises(AddressRefused) as refused:
        transport.send(lambda: Call("GET", url))

    transport.close()
    assert tried == []
    assert refused.value.message.endswith(".")


@pytest.mark.parametrize("url", NOTHING)
def test_a_name_of_nothing_is_unreachable_and_nothing_is_called(url: str) -> None:
    transport = Transport(STRICT, limits=Limits(tries=1))

    with WATCH.on() as tried, pytest.raises(Unreachable) as problem:
        transport.send(lambda: Call("GET", url))

    transport.close()
    assert (tried, problem.value.code) == ([], "not_connected")


def test_the_watch_sees_what_is_called() -> None:
    with ScriptedServer([answer()]) as server, WATCH.on() as tried:
        transport = Transport(AddressPolicy(allow_loopback=True))
        transport.send(lambda: Call("GET", server.url))
        transport.close()

        assert tried == [("127.0.0.1", server.port)]


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "93.184.216.34", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "2606:4700::1111"],
)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)
    assert not is_loopback(address)


def test_every_address_of_a_good_name_may_be_called() -> None:
    assert vet("shop.example", 443, scheme="https", policy=STRICT) == ["93.184.216.34"]


LABELS = st.text(st.sampled_from("ab1.-_:/@%[]?#\\ ①。\r\t\0ěß"), max_size=12)


@given(
    st.one_of(LABELS, LABELS.map("https://{}".format), LABELS.map("https://shop.example{}".format), st.text(max_size=9))
)
@example("https://" + "a" * 70 + ".example/")
@example("https://shop.example:8443:8443/")
@example("https://*.example/")
@example("https://%zz.example/")
def test_any_text_for_an_address_is_an_error_of_ours_and_calls_nothing(text: str) -> None:
    def nowhere(host: str, port: int) -> Sequence[str]:
        host.encode("idna")
        return ["10.0.0.1"]

    transport = Transport(AddressPolicy(resolve=nowhere), limits=Limits(tries=1))

    with WATCH.on() as tried, pytest.raises(PlatformError):
        transport.send(lambda: Call("GET", text))

    transport.close()
    assert tried == []


def test_plain_http_needs_to_be_allowed() -> None:
    with pytest.raises(AddressRefused, match="https"):
        vet("shop.example", 80, scheme="http", policy=STRICT)

    allowed = AddressPolicy(allow_http=True, resolve=answering)
    assert vet("shop.example", 80, scheme="http", policy=allowed) == ["93.184.216.34"]


@pytest.mark.parametrize("host", ["internal.example", "10.0.0.1", "169.254.169.254", "mixed.example", "mapped.example"])
def test_allowing_loopback_opens_no_other_private_address(host: str) -> None:
    with pytest.raises(AddressRefused):
        vet(host, 443, scheme="https", policy=AddressPolicy(allow_loopback=True, resolve=answering))


def test_allowing_loopback_opens_it_at_any_port_by_http() -> None:
    with ScriptedServer([answer()]) as server:
        transport = Transport(AddressPolicy(allow_loopback=True, resolve=answering))

        assert transport.send(lambda: Call("GET", server.url)).status == 200
        transport.close()


def test_a_name_that_changes_its_mind_is_judged_again_before_it_is_called_again() -> None:
    """Rebinding: good at the first look, private at the second."""
    minds = iter([["127.0.0.1"], ["10.0.0.5"]])

    with ScriptedServer([answer(headers="Connection: close\r\n")]) as server:
        transport = Transport(AddressPolicy(allow_loopback=True, resolve=lambda host, port: next(minds)))
        url = f"http://shop.invalid:{server.port}/"

        assert transport.send(lambda: Call("GET", url)).status == 200
        with pytest.raises(AddressRefused):
            transport.send(lambda: Call("GET", url))
        transport.close()


def test_the_judged_address_is_the_one_called_and_the_name_is_still_said() -> None:
    looked: list[str] = []

    def once(host: str, port: int) -> Sequence[str]:
        looked.append(host)
        assert len(looked) == 1, "looked up a second time"
        return ["127.0.0.1"]

    with ScriptedServer([answer()]) as server:
        transport = Transport(AddressPolicy(allow_loopback=True, resolve=once))

        transport.send(lambda: Call("GET", f"http://no-such-name.invalid:{server.port}/x"))

        transport.close()
        assert server.asked[0].headers["host"] == f"no-such-name.invalid:{server.port}"
        assert looked == ["no-such-name.invalid"]


def test_the_second_address_is_tried_when_the_first_does_not_answer() -> None:
    with ScriptedServer([answer()]) as server:
        policy = AddressPolicy(allow_loopback=True, resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"])
        transport = Transport(policy)

        assert transport.send(lambda: Call("GET", f"http://shop.invalid:{server.port}/")).status == 200
        transport.close()
