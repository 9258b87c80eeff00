"""Valid and invalid messages; every rejection has its code, and quotes nothing."""

import json

import pytest

from handlers.messages import NESTING_MAX, InvalidError, decode_login
from handlers.vocabulary import ErrorCode
from tests.fakes.events import NOW, login


def decode(body):
    return decode_login(body if isinstance(body, str) else json.dumps(body), NOW)


def nested(levels):
    """A login in which an ignored field makes that many levels, those of the body's own object included."""
    return json.dumps(login())[:-1] + ', "extra": ' + "[" * (levels - 1) + "]" * (levels - 1) + "}"


@pytest.mark.parametrize(
    "body",
    [
        login(),
        login(extra={"producers": ["may", "grow"]}),
        login(user_id="...", service_id=".."),
        json.dumps(login())[:-1] + ', "extra": ' + "9" * 5000 + "}",
        nested(NESTING_MAX),
        # Brackets in a string nest nothing.
        login(extra='\\"' + "[{" * NESTING_MAX),
        login(user_id="auth0|a:b=c@d/e f"),
        login(user_id="x" * 255, service_id="y" * 255, service_name="z" * 256),
        login(service_name="Démarches\u00a0: l\u2019accueil \U0001f469\u200d\U0001f4bb"),
        login(timestamp="2022-08-04T12:05:00Z"),
        login(timestamp="2022-08-04T14:05:00.000000999+02:00"),
    ],
)
def test_valid_login_is_decoded(body):
    event = decode(body)
    fields = body if isinstance(body, dict) else login()
    for field in ("user_id", "service_id", "service_name"):
        assert getattr(event, field) == fields[field]


REFUSED = [
    ("", ErrorCode.BODY_NOT_JSON),
    ("{", ErrorCode.BODY_NOT_JSON),
    ("[" * 100_000, ErrorCode.BODY_TOO_DEEP),
    (nested(NESTING_MAX + 1), ErrorCode.BODY_TOO_DEEP),
    # One string without an end, which a scan from every quotation mark would read 300,000 times.
    ('"' + '\\"' * 300_000 + "[" * (NESTING_MAX + 1), ErrorCode.BODY_NOT_JSON),
    ('{"a": NaN}', ErrorCode.BODY_NOT_JSON),
    ("\ufeff{}", ErrorCode.BODY_NOT_JSON),
    ("[]", ErrorCode.BODY_NOT_OBJECT),
    ('"text"', ErrorCode.BODY_NOT_OBJECT),
    ("null", ErrorCode.BODY_NOT_OBJECT),
    (json.dumps(login())[:-1] + ', "user_id": "v"}', ErrorCode.BODY_DUPLICATE_KEY),
    (json.dumps(login())[:-1] + ', "more": {"a": 1, "a": 1}}', ErrorCode.BODY_DUPLICATE_KEY),
    *[({name: "u" for name in login() if name != field}, ErrorCode.FIELD_MISSING) for field in login()],
    *[(login() | {field: value}, ErrorCode.FIELD_NOT_STRING) for field in login() for value in (None, 7, ["a"], True)],
    *[(login() | {field: ""}, ErrorCode.FIELD_LENGTH) for field in ("user_id", "service_id", "service_name")],
    (login(user_id="x" * 256), ErrorCode.FIELD_LENGTH),
    (login(service_id="x" * 256), ErrorCode.FIELD_LENGTH),
    (login(user_id="."), ErrorCode.FIELD_DOT_SEGMENT),
    (login(user_id=".."), ErrorCode.FIELD_DOT_SEGMENT),
    (login(service_name="x" * 257), ErrorCode.FIELD_LENGTH),
    *[(login() | {field: "  "}, ErrorCode.FIELD_BLANK) for field in ("user_id", "service_id", "service_name")],
    (login(user_id="a\nb"), ErrorCode.FIELD_UNPRINTABLE),
    (login(user_id="a\u200bb"), ErrorCode.FIELD_UNPRINTABLE),
    (login(service_id="\ud800"), ErrorCode.FIELD_UNPRINTABLE),
    (login(service_name="\ud800"), ErrorCode.FIELD_UNPRINTABLE),
    (login(service_name="a\x00b"), ErrorCode.FIELD_UNPRINTABLE),
    (login(timestamp=""), ErrorCode.TIMESTAMP_MALFORMED),
    (login(timestamp="now"), ErrorCode.TIMESTAMP_MALFORMED),
    (login(timestamp="2022-08-04T08:50:39"), ErrorCode.TIMESTAMP_MALFORMED),
    (login(timestamp="2022-08-04T12:05:00.000001Z"), ErrorCode.TIMESTAMP_IN_FUTURE),
]


@pytest.mark.parametrize(("body", "code"), REFUSED, ids=[f"{code}-{i}" for i, (_, code) in enumerate(REFUSED)])
def test_invalid_login_is_rejected_with_its_code(body, code):
    with pytest.raises(InvalidError) as refused:
        decode(body)
    assert refused.value.code == code
    assert refused.value.detail.isascii()
    assert refused.value.detail.endswith(".")


@pytest.mark.parametrize(
    ("body", "detail"),
    [("{", "The body of 1 character is not JSON."), (login(timestamp="x"), "timestamp has 1 character that is not an")],
)
def test_rejection_counts_one_character(body, detail):
    with pytest.raises(InvalidError, match=detail):
        decode(body)


@pytest.mark.parametrize("field", list(login()))
@pytest.mark.parametrize("value", ["marked\x00marked", "marked" * 100, ["marked"], {"marked": 1}])
def test_rejection_quotes_no_value(field, value):
    with pytest.raises(InvalidError) as refused:
        decode(login() | {field: value})
    assert field in refused.value.detail
    assert "marked" not in refused.value.detail
