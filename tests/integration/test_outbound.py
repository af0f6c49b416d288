"""Outbound connections in TLS, against servers that keep the protocol and servers that do not."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.outbound import AnswerTooLong, OutboundSocket, TimeIsUp, connect

SECONDS = 0.4


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate for `localhost`, which vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + made.public_bytes(serialization.Encoding.PEM)
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(pem)
    return path


@contextlib.contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that handles one connection by `answer`; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    answer(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield server.getsockname()[1]


def secure(port: int, certificate: Path, name: str = "localhost") -> OutboundSocket:
    outbound = connect(["127.0.0.1"], port, SECONDS)
    try:
        outbound.start_tls(ssl.create_default_context(cafile=str(certificate)), name)
    except BaseException:
        outbound.close()
        raise
    return outbound


def in_tls(certificate: Path, answer: Callable[[ssl.SSLSocket], None]) -> Callable[[socket.socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def run(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            answer(secured)

    return run


def test_a_dot_behind_a_servers_name_is_no_part_of_the_name_that_its_certificate_has(certificate: Path) -> None:
    with serving(in_tls(certificate, lambda connection: connection.sendall(b"here"))) as port:
        outbound = secure(port, certificate, "localhost.")
        assert outbound.recv(4) == b"here"
        outbound.close()


def test_what_goes_through_tls_arrives_whole_in_both_directions(certificate: Path) -> None:
    sent = bytes(range(256)) * 500
    received = bytearray()

    def answer(connection: ssl.SSLSocket) -> None:
        while len(received) < len(sent):
            received.extend(connection.recv(4096))
        connection.sendall(sent)

    with serving(in_tls(certificate, answer)) as port:
        outbound = secure(port, certificate)
        outbound.allow(10)
        outbound.sendall(sent)
        with outbound.makefile() as reader:
            back = reader.read()
        outbound.close()
    assert bytes(received) == back == sent


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    with serving(in_tls(certificate, lambda _: None)) as port:
        outbound = connect(["127.0.0.1"], port, SECONDS)
        with pytest.raises(ssl.SSLCertVerificationError):
            outbound.start_tls(ssl.create_default_context(), "localhost")


@pytest.mark.parametrize("answer", ["silent", "dripping", "garbage", "empty records", "closing"])
def test_a_handshake_ends_whatever_comes(certificate: Path, answer: str) -> None:
    def run(connection: socket.socket) -> None:
        match answer:
            case "silent":
                connection.recv(65536)
                connection.recv(65536)
            case "dripping":
                while True:
                    connection.sendall(b"\x16")
                    threading.Event().wait(0.05)
            case "garbage":
                while True:
                    connection.sendall(b"250-here\r\n" * 1000)
            case "empty records":
                while True:
                    connection.sendall(b"\x16\x03\x03\x00\x00" * 1000)

    with serving(run) as port, pytest.raises(OSError):
        secure(port, certificate)


def test_a_stream_that_never_ends_is_left_when_it_is_too_long(certificate: Path) -> None:
    def answer(connection: ssl.SSLSocket) -> None:
        while True:
            connection.sendall(b"more" * 1000)

    with serving(in_tls(certificate, answer)) as port:
        outbound = secure(port, certificate)
        outbound.allow(60)
        with outbound.makefile() as reader, pytest.raises(AnswerTooLong):
            reader.read()
        outbound.close()


def test_a_peer_that_takes_nothing_is_left_when_time_is_up() -> None:
    held = threading.Event()
    with serving(lambda _: held.wait(30) and None) as port:
        outbound = connect(["127.0.0.1"], port, SECONDS)
        with pytest.raises(TimeIsUp):
            outbound.sendall(b"x" * 100_000_000)
        outbound.close()
        held.set()


def test_each_step_has_its_own_end() -> None:
    def answer(connection: socket.socket) -> None:
        for _ in range(6):
            threading.Event().wait(SECONDS / 2)
            connection.sendall(b"x")

    with serving(answer) as port:
        outbound = connect(["127.0.0.1"], port, SECONDS)
        for _ in range(6):
            outbound.allow(SECONDS * 4)
            assert outbound.recv(1) == b"x"
        outbound.close()


def test_no_address_answers_in_time_and_no_address_at_all() -> None:
    with pytest.raises(OSError, match="no address"):
        connect([], 80, SECONDS)
