"""Our own requests trust Amazon's certificates first, and everything botocore trusts where those are not enough."""

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from handlers.clients import Session, certificates_of, tls_contexts
from handlers.connections import Connections, NotConnectedError

MESSAGE = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"

LIMITS: Any = {"connect_seconds": 5, "read_seconds": 5, "idle": 1}


class Authority:
    """An authority, whose certificate is at `certificate`, and which signs that of a server."""

    def __init__(self, folder: Path, name: str) -> None:
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = folder / f"{name}.pem"
        self.certificate.write_bytes(self._sign(self._name, self._key, is_authority=True))
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        self.server = folder / f"{name}-server.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.server.write_bytes(private + self._sign(subject, key, is_authority=False))

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - day).not_valid_after(now + day)
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)


@contextmanager
def served(authority: Authority) -> Iterator[int]:
    """The port of a server with a certificate of the authority, which answers one request of each connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server)

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                # A handshake that fails closes the connection.
                with suppress(OSError), connection, context.wrap_socket(connection, server_side=True) as encrypted:
                    encrypted.recv(len(MESSAGE))
                    encrypted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> list[Authority]:
    folder = tmp_path_factory.mktemp("authorities")
    return [Authority(folder, name) for name in ("known", "other", "stranger")]


def connections(port: int, files: list[Path], loaded: list[Path]) -> Connections:
    def load(file: Path) -> ssl.SSLContext:
        loaded.append(file)
        [make] = tls_contexts(str(file))
        return make()

    contexts = [cache(partial(load, file)) for file in files]
    return Connections("localhost", port, contexts=contexts, **LIMITS)


def test_server_that_the_first_file_trusts_needs_no_other(authorities: list[Authority]):
    known, other, _ = authorities
    loaded: list[Path] = []
    with served(known) as port, closing(connections(port, [known.certificate, other.certificate], loaded)) as ours:
        assert ours.exchange(MESSAGE).status == 200
    assert loaded == [known.certificate]


def test_server_that_has_moved_to_another_authority_is_reached_at_once_and_from_then_on(authorities: list[Authority]):
    known, other, _ = authorities
    loaded: list[Path] = []
    files = [known.certificate, other.certificate]
    with served(other) as port, closing(connections(port, files, loaded)) as ours:
        assert ours.exchange(MESSAGE).status == 200
        assert loaded == files
        assert ours.exchange(MESSAGE).status == 200
    assert loaded == files


@pytest.mark.parametrize("count", [1, 2])
def test_control_server_that_no_file_trusts_is_not_reached(authorities: list[Authority], count: int):
    *trusted, stranger = authorities
    files = [authority.certificate for authority in trusted[:count]]
    with (
        served(stranger) as port,
        closing(connections(port, files, [])) as ours,
        pytest.raises(NotConnectedError) as raised,
    ):
        ours.exchange(MESSAGE)
    assert isinstance(raised.value.__cause__, ssl.SSLCertVerificationError)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch):
    for variable in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_file_that_the_environment_names_is_the_only_one(monkeypatch: pytest.MonkeyPatch, variable: str):
    monkeypatch.setenv(variable, "/bundle")
    assert certificates_of(Session()) == "/bundle"


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, authorities: list[Authority], tmp_path: Path) -> None:
    """Amazon's roots are those of the first authority; botocore trusts the first and the second."""
    known, other, _ = authorities
    everything = tmp_path / "everything.pem"
    everything.write_bytes(known.certificate.read_bytes() + other.certificate.read_bytes())
    (tmp_path / "amazon-roots.pem").write_bytes(known.certificate.read_bytes())
    monkeypatch.setattr("handlers.clients.botocore.__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr("botocore.httpsession.get_cert_path", lambda _: everything)


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("number", [0, 1])
def test_server_of_any_authority_that_botocore_trusts_is_reached(authorities: list[Authority], number: int):
    contexts = tls_contexts(None)
    assert len(contexts) == 2
    with (
        served(authorities[number]) as port,
        closing(Connections("localhost", port, contexts=contexts, **LIMITS)) as ours,
    ):
        assert ours.exchange(MESSAGE).status == 200


@pytest.mark.usefixtures("trusted")
def test_file_that_is_named_is_the_only_one_that_is_trusted(authorities: list[Authority]):
    known, _, stranger = authorities
    contexts = tls_contexts(str(stranger.certificate))
    with served(stranger) as port, closing(Connections("localhost", port, contexts=contexts, **LIMITS)) as ours:
        assert ours.exchange(MESSAGE).status == 200
    with (
        served(known) as port,
        closing(Connections("localhost", port, contexts=contexts, **LIMITS)) as ours,
        pytest.raises(NotConnectedError),
    ):
        ours.exchange(MESSAGE)


def test_without_the_layer_everything_is_the_only_context():
    assert len(tls_contexts(None)) == 1
