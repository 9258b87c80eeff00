"""Tokens that an attacker would try: forged tokens, and genuine tokens issued for another purpose."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.e2e.conftest import Stack, claims
from tests.fakes.waiting import HANG_SECONDS, eventually

Forgery = Callable[[Stack, str], str | None]


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "==")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _header(token: str) -> dict[str, Any]:
    return json.loads(_decode(token.split(".")[0]))


def _forge(token: str, algorithm: str, sign: Callable[[bytes], bytes]) -> str:
    """Return the token with the claims of an administrator and the attacker's signature."""
    forged = claims(token) | {"sub": "administrator", "exp": int(time.time()) + 86_400}
    header = _header(token) | {"alg": algorithm}
    signed = ".".join(_encode(json.dumps(part).encode()) for part in (header, forged))
    return f"{signed}.{_encode(sign(signed.encode()))}"


def _with_flipped_bit(_: Stack, token: str) -> str:
    start, signature = token.rsplit(".", 1)
    return f"{start}.{signature[:20]}{'A' if signature[20] != 'A' else 'B'}{signature[21:]}"


def _with_other_claims(_: Stack, token: str) -> str:
    genuine = _decode(token.rpartition(".")[2])
    return _forge(token, "RS256", lambda _content: genuine)


def _signed_with_public_key(stack: Stack, token: str) -> str:
    """A verifier that lets the token choose the algorithm would use the public key as the shared secret."""
    url = f"{stack.outputs['endpoint']}/{stack.pool_id()}/.well-known/jwks.json"
    keys = requests.get(url, timeout=HANG_SECONDS).json()["keys"]
    key = next(key for key in keys if key["kid"] == _header(token)["kid"])
    modulus, exponent = (int.from_bytes(_decode(key[part])) for part in ("n", "e"))
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return _forge(token, "HS256", lambda content: hmac.digest(pem, content, hashlib.sha256))


def _signed_with_own_key(_: Stack, token: str) -> str:
    key = rsa.generate_private_key(65_537, 2048)
    return _forge(token, "RS256", lambda content: key.sign(content, padding.PKCS1v15(), hashes.SHA256()))


def _token_of_new_client(stack: Stack, name: str, scope: str, **settings: Any) -> str:
    client = stack.new_client(name, scope, **settings)
    answer = stack.request_token(client["clientId"], client["clientSecret"], scope)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def _expired(stack: Stack, _: str) -> str:
    """Return a genuine token that has expired.

    In Cognito, an access token is valid for at least five minutes. The emulator does not enforce that minimum, so a
    separate client gets tokens that are valid for a second, and otherwise issued, signed and checked like any other.
    """
    lifetime = {"AccessTokenValidity": 1, "TokenValidityUnits": {"AccessToken": "seconds"}}
    token = _token_of_new_client(stack, "short-lived", stack.outputs["apiScope"], **lifetime)
    eventually(time.time, lambda now: now > claims(token)["exp"])
    return token


def _id_token(stack: Stack, _: str) -> str:
    """Return an ID token of the same pool, for a user, which the pool of a real stack does not have."""
    cognito, pool, password = stack.client("cognito-idp"), stack.pool_id(), "Correct-horse-9"
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    client = cognito.create_user_pool_client(UserPoolId=pool, ClientName="people", ExplicitAuthFlows=flows)
    cognito.admin_create_user(UserPoolId=pool, Username="mallory", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username="mallory", Password=password, Permanent=True)
    return cognito.initiate_auth(
        ClientId=client["UserPoolClient"]["ClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "mallory", "PASSWORD": password},
    )["AuthenticationResult"]["IdToken"]


def _of_other_scope(stack: Stack, _: str) -> str:
    stack.client("cognito-idp").create_resource_server(
        UserPoolId=stack.pool_id(),
        Identifier="other-api",
        Name="other-api",
        Scopes=[{"ScopeName": "services.read", "ScopeDescription": "of another API"}],
    )
    return _token_of_new_client(stack, "of-another-api", "other-api/services.read")


# Each function takes a genuine token of the stack and returns the token that is sent instead.
FORGERIES: dict[str, Forgery] = {
    "valid": lambda _, token: token,
    "none": lambda _, _token: None,
    "garbage": lambda _, _token: "no-token-at-all",
    "truncated": lambda _, token: token[: len(token) // 2],
    "without its signature": lambda _, token: token.rpartition(".")[0] + ".",
    "with one bit flipped in the signature": _with_flipped_bit,
    "with other claims under its signature": _with_other_claims,
    "unsigned (alg=none)": lambda _, token: _forge(token, "none", lambda _content: b""),
    "signed with the public key (alg=HS256)": _signed_with_public_key,
    "signed with a key of the attacker's (alg=RS256)": _signed_with_own_key,
    "expired": _expired,
    "an id token": _id_token,
    "of another scope": _of_other_scope,
}
