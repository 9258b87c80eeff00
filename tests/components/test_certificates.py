"""The layer has the certificates that Amazon Trust Services names, and says when botocore no longer has them."""

import datetime
import hashlib
import shutil
from pathlib import Path

import botocore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from components.packaging.certificates import AMAZON_ROOTS, BUNDLE, FINGERPRINTS, write_amazon_roots
from components.packaging.wheels import ArtifactError

INSTALLED = Path(botocore.__file__).parents[1]
# SHA-256 of each public key, as https://www.amazontrust.com/repository/ has them: an authority can have several
# certificates of one key.
PUBLIC_KEYS = {
    "Amazon Root CA 1": "fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
    "Amazon Root CA 2": "7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
    "Amazon Root CA 3": "36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
    "Amazon Root CA 4": "f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
    "Starfield Services Root CA - G2": "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "botocore").mkdir()
    shutil.copyfile(INSTALLED / BUNDLE, tmp_path / BUNDLE)
    return tmp_path


# Starfield's certificate has the serial number 0.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_chosen_certificates_have_amazons_keys_and_are_valid_for_years(root: Path):
    write_amazon_roots(root)
    chosen = x509.load_pem_x509_certificates((root / AMAZON_ROOTS).read_bytes())
    keys = [
        certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for certificate in chosen
    ]
    assert [hashlib.sha256(key).hexdigest() for key in keys] == list(PUBLIC_KEYS.values())
    assert list(FINGERPRINTS.values()) == list(PUBLIC_KEYS)
    in_five_years = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=5 * 365)
    assert all(certificate.not_valid_after_utc > in_five_years for certificate in chosen)


@pytest.mark.parametrize("fingerprint", FINGERPRINTS)
def test_certificate_that_botocore_no_longer_has_stops_the_build(
    root: Path, monkeypatch: pytest.MonkeyPatch, fingerprint: str
):
    changed = {("0" * 64 if known == fingerprint else known): name for known, name in FINGERPRINTS.items()}
    monkeypatch.setattr("components.packaging.certificates.FINGERPRINTS", changed)
    with pytest.raises(ArtifactError, match=FINGERPRINTS[fingerprint]):
        write_amazon_roots(root)
