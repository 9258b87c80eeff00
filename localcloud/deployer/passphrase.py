"""Decrypts `secure:` values of a stack file with the stack's passphrase, as the Pulumi CLI does.

The format is that of pkg/secrets/passphrase/manager.go and sdk/go/common/resource/config/crypt.go in pulumi/pulumi.
"""

import base64
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VARIABLE = "PULUMI_CONFIG_PASSPHRASE"
FILE_VARIABLE = "PULUMI_CONFIG_PASSPHRASE_FILE"
ITERATIONS, KEY_BYTES = 1_000_000, 32
CHECK = "pulumi"
"""What the second half of `encryptionsalt` decrypts to."""
# 8 bytes of salt; then what is encrypted of CHECK, with a nonce of 12 bytes and a tag of 16.
SALT = re.compile("v1:([A-Za-z0-9+/]{11}=):(v1:[A-Za-z0-9+/]{16}:[A-Za-z0-9+/]{30}==)")

Decrypt = Callable[[str], str]
"""Returns the plain value, or raises ValueError without quoting anything."""


class PassphraseError(Exception):
    """Why there is no right passphrase, and how to give one."""


def unlock(salt: str, environ: Mapping[str, str]) -> Decrypt:
    """Return what decrypts the values of a stack with this `encryptionsalt`, or raise PassphraseError."""
    variable, phrase = _passphrase(environ)
    if not (parts := SALT.fullmatch(salt)):
        raise PassphraseError("Its `encryptionsalt` is malformed: restore the line that the Pulumi CLI wrote.")
    encoded, check = parts.groups()
    cipher = AESGCM(hashlib.pbkdf2_hmac("sha256", phrase, base64.b64decode(encoded), ITERATIONS, KEY_BYTES))

    def decrypt(value: str) -> str:
        version, nonce, ciphertext = value.split(":")
        if version != "v1":
            raise ValueError("unknown version")
        try:
            plain = cipher.decrypt(base64.b64decode(nonce), base64.b64decode(ciphertext), None)
        except InvalidTag:
            raise ValueError("another key") from None
        return plain.decode()

    try:
        if decrypt(check) == CHECK:
            return decrypt
    except ValueError:
        pass
    raise PassphraseError(f"The passphrase in {variable} is not that of the stack: set the right one.")


def _passphrase(environ: Mapping[str, str]) -> tuple[str, bytes]:
    """Return the variable that the CLI would use, and the passphrase; the variable without FILE can be empty."""
    if VARIABLE in environ:
        return VARIABLE, os.fsencode(environ[VARIABLE])
    if not (file := environ.get(FILE_VARIABLE)):
        raise PassphraseError(f"Set {VARIABLE} or {FILE_VARIABLE}, as for the Pulumi CLI.")
    try:
        return FILE_VARIABLE, Path(file).read_bytes().strip()
    except OSError as error:
        raise PassphraseError(f"{FILE_VARIABLE} names {file}, which cannot be read: {error.strerror}.") from None
