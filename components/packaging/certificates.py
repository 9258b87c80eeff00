"""The certificates that functions need to reach AWS: five of the more than a hundred that botocore trusts.

Loading all of them takes longer than most other parts of a start. Amazon Trust Services names these five for trust
stores of one's own (https://www.amazontrust.com/repository/) and advises against relying on a few: to a server with a
certificate of another authority, `handlers.connections` connects with the whole file.
"""

import hashlib
import re
import ssl
from pathlib import Path

from components.packaging.wheels import ArtifactError

BUNDLE = Path("botocore", "cacert.pem")
AMAZON_ROOTS = Path("botocore", "amazon-roots.pem")

FINGERPRINTS = {
    "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e": "Amazon Root CA 1",
    "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4": "Amazon Root CA 2",
    "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4": "Amazon Root CA 3",
    "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092": "Amazon Root CA 4",
    "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5": "Starfield Services Root CA - G2",
}
"""SHA-256 of each certificate, and its common name in short."""

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", re.DOTALL)


def write_amazon_roots(root: Path) -> None:
    """Write Amazon's certificates beside those of botocore, if it is installed; ArtifactError if one is not there."""
    if not (root / BUNDLE).exists():
        return
    found: dict[str, str] = {
        hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest(): certificate
        for certificate in _CERTIFICATE.findall((root / BUNDLE).read_text(encoding="utf-8"))
    }
    if missing := [name for fingerprint, name in FINGERPRINTS.items() if fingerprint not in found]:
        raise ArtifactError(
            f"botocore no longer trusts {', '.join(missing)}: "
            "compare FINGERPRINTS in components/packaging/certificates.py with https://www.amazontrust.com/repository/."
        )
    (root / AMAZON_ROOTS).write_text("".join(found[fingerprint] for fingerprint in FINGERPRINTS), encoding="ascii")
