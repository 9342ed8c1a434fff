"""Outbound HTTP over real sockets: what is tried again and what never, limits, redirects, certificates, hidden keys."""

import contextlib
import datetime as dates
import gzip
import logging
import socket
import ssl
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.transport import AddressPolicy, Call, Limits, Transport
from core.errors import AddressChanged, PlatformError, RateLimited, ShopUnavailable, Unreachable, Unreadable
from tests.connectors.scripted import ScriptedServer, answer, drip, hang_up, silence

HERE = AddressPolicy(allow_loopback=True)
SECRET = "cs_0123456789abcdef0123456789abcdef01234567"


def quick(limits: Limits | None = None) -> tuple[Transport, list[float]]:
    """A transport that notes how long it would wait, and does not."""
    waited: list[float] = []
    return Transport(HERE, secrets=(SECRET,), limits=limits, sleep=waited.append), waited


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout", "429 Slow"])
def test_a_read_is_tried_again_while_the_shop_is_busy(status: str) -> None:
    with ScriptedServer([answer(status), answer(status), answer(body=b"[1]")]) as shop:
        transport, waited = quick()

        assert transport.send(lambda: Call("GET", shop.url)).body == b"[1]"
        transport.close()
        assert len(shop.asked) == 3
        assert len(waited) == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("trouble", [answer("503 Service Unavailable"), answer("429 Slow"), answer("502 Bad"), hang_up])
def test_a_write_is_never_sent_twice(method: str, trouble: bytes | Callable[..., None]) -> None:
    with ScriptedServer([trouble, answer()]) as shop:
        transport, _ = quick()

        with pytest.raises(Unreadable):
            transport.send(lambda: Call(method, shop.url, body=b"{}"))  # type: ignore[arg-type]
        transport.close()
        assert len(shop.asked) == 1


@pytest.mark.parametrize("trouble", [answer("503 Service Unavailable"), answer("429 Slow"), hang_up])
def test_a_post_that_only_reads_is_tried_again_like_a_read(trouble: bytes | Callable[..., None]) -> None:
    with ScriptedServer([trouble, answer()]) as shop:
        transport, _ = quick()

        transport.send(lambda: Call("POST", shop.url, body=b"{}", only_reads=True))

        transport.close()
        assert len(shop.asked) == 2


def test_a_read_is_tried_again_when_the_connection_breaks() -> None:
    with ScriptedServer([hang_up, answer()]) as shop:
        transport, _ = quick()

        assert transport.send(lambda: Call("GET", shop.url)).status == 200
        transport.close()


def test_every_try_is_made_anew_because_signatures_are_single_use() -> None:
    with ScriptedServer([answer("503 Busy"), answer("503 Busy"), answer()]) as shop:
        transport, _ = quick()
        numbers = iter(range(9))

        transport.send(lambda: Call("GET", f"{shop.url}/?nonce={next(numbers)}"))

        transport.close()
        assert [asked.target for asked in shop.asked] == ["/?nonce=0", "/?nonce=1", "/?nonce=2"]


def test_the_shops_wish_to_wait_is_honoured() -> None:
    with ScriptedServer([answer("429 Slow", headers="Retry-After: 7\r\n"), answer()]) as shop:
        transport, waited = quick()

        transport.send(lambda: Call("GET", shop.url))

        transport.close()
        assert waited == [7.0]


def test_a_wish_to_wait_given_as_a_date_is_read_by_the_shops_own_clock() -> None:
    headers = "Date: Sat, 21 Nov 2026 10:00:00 GMT\r\nRetry-After: Sat, 21 Nov 2026 10:00:05 GMT\r\n"
    with ScriptedServer([answer("503 Busy", headers=headers), answer()]) as shop:
        transport, waited = quick()

        transport.send(lambda: Call("GET", shop.url))

        transport.close()
        assert waited == [5.0]


def test_a_wish_to_wait_until_the_end_of_time_is_not_read() -> None:
    headers = "Date: Sat, 21 Nov 2026 10:00:00 GMT\r\nRetry-After: 01 Jan 99999999999 00:00\r\n"
    with ScriptedServer([answer("503 Busy", headers=headers), answer()]) as shop:
        transport, waited = quick()

        transport.send(lambda: Call("GET", shop.url))

        transport.close()
        assert waited == [0.3]


def test_a_shop_that_asks_for_too_much_patience_is_told_at_once() -> None:
    with ScriptedServer(
        [answer("503 Maintenance", b"<html>", kind="text/html", headers="Retry-After: 600\r\n")]
    ) as shop:
        transport, waited = quick()

        with pytest.raises(ShopUnavailable) as problem:
            transport.send(lambda: Call("GET", shop.url))
        transport.close()
        assert (problem.value.retry_after_s, len(shop.asked), waited) == (600, 1, [])


def test_a_shop_that_stays_busy_is_given_up() -> None:
    with ScriptedServer([answer("429 Slow", headers="Retry-After: 1\r\n")]) as shop:
        transport, _ = quick()

        with pytest.raises(RateLimited) as problem:
            transport.send(lambda: Call("GET", shop.url))
        transport.close()
        assert (problem.value.retry_after_s, len(shop.asked)) == (1, 3)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed_and_says_where_the_shop_is_now(method: str, status: str) -> None:
    with ScriptedServer([answer()]) as target:
        location = f"Location: http://moved.example:{target.port}/?consumer_secret={SECRET}\r\n"
        with ScriptedServer([answer(status, headers=location)]) as shop:
            transport, _ = quick()

            with pytest.raises(AddressChanged, match=r"moved\.example") as problem:
                transport.send(lambda: Call(method, shop.url))  # type: ignore[arg-type]
            transport.close()
        assert SECRET not in problem.value.message
        assert target.connections == 0
        assert len(shop.asked) == 1


def test_a_redirect_with_an_endless_body_is_not_read() -> None:
    sent: list[int] = []

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(1_000):
            connection.sendall(b" " * 100_000)
            sent.append(100_000)

    with ScriptedServer([endless]) as shop:
        transport, _ = quick()

        with pytest.raises(AddressChanged):
            transport.send(lambda: Call("GET", shop.url))
        transport.close()
    assert sum(sent) < 50_000_000


def test_a_chain_of_redirects_into_this_machine_is_not_walked() -> None:
    with ScriptedServer([answer()]) as private:
        inward = answer("302 Found", headers=f"Location: http://127.0.0.1:{private.port}/\r\n")
        with ScriptedServer([inward]) as shop:
            transport, _ = quick()

            with pytest.raises(AddressChanged):
                transport.send(lambda: Call("GET", shop.url))
            transport.close()
        assert private.connections == 0


def test_a_shop_that_does_not_answer_in_time_is_unreachable_and_not_asked_again() -> None:
    with ScriptedServer([silence(3)]) as shop:
        transport, _ = quick(Limits(read_s=0.2))

        with pytest.raises(Unreachable) as problem:
            transport.send(lambda: Call("GET", shop.url))
        transport.close()
        assert (problem.value.code, len(shop.asked)) == ("timeout", 1)


def test_an_answer_that_stops_in_the_middle_is_not_asked_for_again() -> None:
    def stop(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")
        silence(3)(connection)

    with ScriptedServer([stop]) as shop:
        transport, _ = quick(Limits(read_s=0.2))

        with pytest.raises(Unreachable) as problem:
            transport.send(lambda: Call("GET", shop.url))
        transport.close()
        assert (problem.value.code, len(shop.asked)) == ("timeout", 1)


def test_an_answer_that_drips_is_cut_off() -> None:
    with ScriptedServer([drip(30, every_s=0.05)]) as shop:
        transport, _ = quick(Limits(read_s=1, whole_s=0.3))

        with pytest.raises(Unreachable) as problem:
            transport.send(lambda: Call("GET", shop.url))
        transport.close()
        assert problem.value.code in ("too_slow", "timeout")


def test_an_answer_that_is_too_large_is_refused() -> None:
    with ScriptedServer([answer(body=b" " * 3_000)]) as shop:
        transport, _ = quick(Limits(body_bytes=2_000))

        with pytest.raises(Unreadable) as problem:
            transport.send(lambda: Call("GET", shop.url))
        transport.close()
        assert problem.value.code == "too_large"


def test_an_answer_that_grows_too_large_when_unpacked_is_refused() -> None:
    packed = gzip.compress(b" " * 5_000_000)
    with ScriptedServer([answer(body=packed, headers="Content-Encoding: gzip\r\n")]) as shop:
        transport, _ = quick(Limits(body_bytes=100_000))

        with pytest.raises(Unreadable) as problem:
            transport.send(lambda: Call("GET", shop.url))
        transport.close()
        assert (problem.value.code, len(packed) < 100_000) == ("too_large", True)


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"\0" * 200,
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: https://[::1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nRetry-After: " + b"9" * 300 + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nRetry-After: never\r\nDate: today\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nDate: \xff\xfe\r\nContent-Type: \xc4\x9b\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_rubbish_for_an_answer_is_read_or_an_error_of_ours(rubbish: bytes) -> None:
    with ScriptedServer([rubbish]) as shop:
        transport, _ = quick(Limits(read_s=1))

        with contextlib.suppress(PlatformError):
            assert transport.send(lambda: Call("GET", shop.url)).status == 200
        transport.close()


def test_a_port_where_nobody_listens_is_unreachable() -> None:
    with ScriptedServer([answer()]) as shop:
        url = shop.url
    transport, _ = quick()

    with pytest.raises(Unreachable) as problem:
        transport.send(lambda: Call("GET", url))
    transport.close()
    assert problem.value.code == "not_connected"


@pytest.mark.parametrize(
    "trouble", [hang_up, silence(2), answer("302 Found", headers="Location: /x\r\n"), answer("503 x")]
)
def test_no_key_shows_in_an_error_its_chain_or_the_logs(
    trouble: bytes | Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with ScriptedServer([trouble]) as shop, structlog.testing.capture_logs() as logged:
        transport, _ = quick(Limits(read_s=0.2))
        url = f"{shop.url}/wp-json/?consumer_key=ck_1&consumer_secret={SECRET}"

        with pytest.raises(PlatformError) as problem:
            transport.send(lambda: Call("GET", url))
        transport.close()

    shown = "".join(traceback.format_exception(problem.value)) + repr(logged) + caplog.text + repr(Call("GET", url))
    chain: BaseException | None = problem.value
    while chain is not None:
        shown += repr(chain)
        chain = chain.__cause__ or chain.__context__
    assert "wp-json" in shown
    assert SECRET not in shown
    assert "ck_1" not in shown


def test_a_text_is_freed_of_keys_in_every_spelling() -> None:
    transport = Transport(HERE, secrets=("a+b/c d",))

    shown = transport.redacted("a+b/c d, a%2Bb%2Fc%20d, a%2Bb%2Fc+d, ?oauth_signature=xyz&page=2, token=q")

    assert shown == "…, …, …, ?oauth_signature=…&page=2, token=…"


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer([answer()]) as proxy, ScriptedServer([answer()]) as shop:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        transport, _ = quick()

        transport.send(lambda: Call("GET", shop.url))

        transport.close()
        assert (proxy.connections, shop.connections) == (0, 1)


def test_cookies_are_not_kept() -> None:
    with ScriptedServer([answer(headers="Set-Cookie: session=1\r\n")]) as shop:
        transport, _ = quick()

        transport.send(lambda: Call("GET", shop.url))
        transport.send(lambda: Call("GET", shop.url))

        transport.close()
        assert "cookie" not in shop.asked[1].headers


def test_a_certificate_is_held_against_the_name_and_not_the_address(tmp_path: Path) -> None:
    said: list[str | None] = []
    context, ca_file = certified(tmp_path, "shop.example")
    context.sni_callback = lambda _socket, name, _context: said.append(name)
    policy = AddressPolicy(allow_loopback=True, resolve=lambda host, port: ["127.0.0.1"])
    with ScriptedServer([answer()], tls=context) as shop:
        transport = Transport(policy, ca_file=ca_file)

        assert transport.send(lambda: Call("GET", f"https://shop.example:{shop.port}/")).status == 200
        with pytest.raises(Unreachable) as problem:
            transport.send(lambda: Call("GET", f"https://other.example:{shop.port}/"))
        transport.close()

    assert problem.value.code == "tls"
    assert said == ["shop.example", "other.example"]


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    context, _ = certified(tmp_path, "shop.example")
    policy = AddressPolicy(allow_loopback=True, resolve=lambda host, port: ["127.0.0.1"])
    with ScriptedServer([answer()], tls=context) as shop:
        transport = Transport(policy)

        with pytest.raises(Unreachable) as problem:
            transport.send(lambda: Call("GET", f"https://shop.example:{shop.port}/"))
        transport.close()
        assert (problem.value.code, shop.asked) == ("tls", [])


def certified(folder: Path, name: str) -> tuple[ssl.SSLContext, str]:
    """A server's TLS for one name, and the file of the authority that vouches for it (itself)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dates.datetime.now(dates.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dates.timedelta(days=1))
        .not_valid_after(now + dates.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    return context, str(certificate_file)
