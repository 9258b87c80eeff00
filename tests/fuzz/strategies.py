"""Events of the queue and the API: valid, nearly valid, and garbage."""

import base64
import json
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from simulation.lambda_events import sqs_record
from tests.fakes.events import TRACE, login

# Characters that JSON, HTTP, Python and terminals treat differently.
ODD_CHARACTERS = (
    "\x00\t\n\r\x1b \"\\/%+&?#'<>{}[]\x7f\x85\xa0\xad\u0660\u061c\u200b\u200d\u2028\u202e\ufeff\ufffd\uffff"
    "\ud800\udfff\u00e9e\u0301\U0001f469\U000e0001\U0010ffff"
)
_ALPHABET = (ODD_CHARACTERS + "abcdefghij 123|:=@./-" * 8 + "".join(map(chr, range(0x100, 0x3000, 61))))[:256]
# One draw for a whole text: a strategy of characters would double the time of a run.
texts = st.binary(max_size=12).map(lambda raw: "".join(_ALPHABET[byte] for byte in raw))


@st.composite
def printable_ids(draw: st.DrawFn) -> str:
    """Valid IDs: 1 to 255 printable characters, not only blanks."""
    text = "".join(filter(str.isprintable, draw(texts))) + draw(st.sampled_from(("", "u", "%2F", "%41", "%")))
    text = text if text.strip() and text not in (".", "..") else "u"
    return text * draw(st.sampled_from((1, 1, 1, 255 // len(text))))


ids = st.sampled_from(("u", "v", "auth0|a/b", "x" * 255)) | printable_ids()

DATES = ("2022-08-04", "0001-01-01", "0000-01-01", "9999-12-31", "2016-12-31", "2022-02-29", "2020-02-29", "1969-12-31")
TIMES = ("08:50:39", "00:00:00", "23:59:59", "23:59:60", "12:05:00", "24:00:00", "08:60:00", "12:00", "8:50:39")
FRACTIONS = ("", ".5", ".000000", ".9999999", ".123456789012345678901234567890", ".", ",5", "." + "0" * 5000)
OFFSETS = ("Z", "z", "+00:00", "-00:00", "+14:00", "-23:59", "+23:59", "+24:00", "+99:99", "", " Z", "+0200", "+02")
timestamps = st.tuples(*map(st.sampled_from, (DATES, "TTTTt _", TIMES, FRACTIONS, OFFSETS))).map("".join)

NAMES = ("Mail", "Caf\u00e9 \u200d", "n" * 256)
SERVICES = ("mail", "wiki", "s" * 255)
logins = st.builds(login, ids, st.sampled_from(SERVICES), st.sampled_from(NAMES))
_JSON = (None, True, 0, -1, 1.5, 1e400, 10**30, "", "x" * 300, [], [[], {}], {}, {"a": [None]}, ["u"], {"S": "u"})
json_values = st.sampled_from(_JSON) | texts


spoiled_fields = st.tuples(st.sampled_from(list(login())), json_values) | st.tuples(st.just("timestamp"), timestamps)
near_logins = st.builds(lambda body, field: body | dict([field]), logins, spoiled_fields)

LARGE = (2**18, 2**20 - 500, 2**20)
NESTED = (100, 10_000, 500_000)
# Changes of a valid body that JSON parsers have failed on.
TWISTS = {
    "byte order mark": lambda body: "\ufeff" + body,
    "twice": lambda body: body + body,
    "a key twice": lambda body: body[:-1] + ', "user_id": "w"}',
    "a key twice, escaped": lambda body: body[:-1] + ', "user\\u005fid": "w"}',
    "a deep key twice": lambda body: body[:-1] + ', "more": [{"a": 1, "a": 2}]}',
    "cut": lambda body: body[:-3],
    "not a number": lambda body: body[:-1] + ', "more": NaN}',
    "infinite": lambda body: body[:-1] + ', "more": -Infinity}',
    "large exponent": lambda body: body[:-1] + ', "more": 1e999999}',
    "many digits": lambda body: body[:-1] + ', "more": ' + "7" * 5000 + "}",
    "control character": lambda body: body.replace("Mail", "Ma\til"),
    "single quotes": lambda body: body.replace('"', "'"),
    "in a list": lambda body: f"[{body}]",
    "as a string": json.dumps,
    "lone surrogate": lambda body: body + "\ud800",
    "escaped surrogate": lambda body: body.replace('"u"', '"\\ud800"'),
    "nul": lambda body: body + "\x00",
    "white space": lambda body: f" \r\n\t{body}\n",
    "base64": lambda body: base64.b64encode(body.encode()).decode(),
}
HUGE = {
    "padded": lambda body, size: body[:-1] + ', "more": "' + "x" * size + '"}',
    "blank": lambda body, size: " " * size + body,
    "escaped": lambda body, size: body[:-1] + ', "more": "' + "\\u0041" * (size // 6) + '"}',
    "long id": lambda body, size: json.dumps(json.loads(body) | {"user_id": "\u00e9" * (size // 6)}),
    "zeros": lambda body, size: "0" * size,
}
bodies = (
    (logins | near_logins | json_values).map(json.dumps)
    | logins.map(json.dumps)
    | st.builds(lambda twist, body: TWISTS[twist](json.dumps(body)), st.sampled_from(list(TWISTS)), logins)
    | texts
)
# Rare, because a huge body costs as much as hundreds of small bodies.
huge_bodies = st.builds(
    lambda kind, body, size: HUGE[kind](json.dumps(body), size),
    st.sampled_from(list(HUGE)),
    logins,
    st.sampled_from(LARGE),
) | st.builds(
    lambda opening, depth, body: json.dumps(body)[:-1] + f', "more": {opening * depth}',
    st.sampled_from(("[", '{"a":', '[{"a":[')),
    st.sampled_from(NESTED),
    logins,
)

DATA_TYPES = ("String", "Number", "Binary", "String.custom", "Number.float", "Binary.png", "Custom", "", None)
_VALUES = ("text", "1.5", "", "\u00e9\U0001f469", "AAH/", "AAH", "no base64!", None, 7, [], "\x00")
_optional = dict.fromkeys(("stringValue", "binaryValue"), st.sampled_from(_VALUES))
_optional |= dict.fromkeys(("stringListValues", "binaryListValues"), st.just([]))
attributes = st.fixed_dictionaries({"dataType": st.sampled_from(DATA_TYPES)}, optional=_optional)
sound_attributes = st.sampled_from(
    (
        {"dataType": "String", "stringValue": "t\u00e9xt"},
        {"dataType": "Number.price", "stringValue": "1.50"},
        {"dataType": "Binary", "binaryValue": "AAH/"},
        {"dataType": "Binary.png", "binaryValue": "iVBORw==", "stringListValues": []},
    )
)
_names = st.sampled_from(("a", "b.c", "d-e", "error_code", "quarantined_at", "f", "g", "h", "i", "j", "k"))
message_attributes = st.dictionaries(_names, sound_attributes, max_size=10)
_odd_dictionaries = st.dictionaries(_names | texts, attributes | st.none(), max_size=3)
odd_message_attributes = _odd_dictionaries | st.sampled_from((None, [], ""))

ODD_NUMBERS = ("1", "4", "5", "0", "-1", "many", "", "1e3", "9" * 5000, "\u0665", " 1", None, 1)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "ApproximateReceiveCount": st.sampled_from(ODD_NUMBERS),
        "SentTimestamp": st.sampled_from(("1659614398500", *ODD_NUMBERS)),
        "AWSTraceHeader": st.sampled_from((TRACE, "", None)),
        "SenderId": st.just("AROA"),
    },
)
ODD_BODIES = (None, 7, {}, [], True)


@st.composite
def batches(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The records of an SQS event: any body, mostly in sound envelopes."""
    records = []
    for index in range(draw(st.sampled_from((0, 1, 1, 1, 2, 3)))):
        kind = draw(st.integers(0, 199))
        record = sqs_record(draw(huge_bodies if kind == 0 else bodies), f"m-{index}")
        del record["attributes"], record["messageAttributes"]
        if 1 <= kind < 40:
            record["attributes"] = draw(envelopes)
        if 20 <= kind < 60:
            record["messageAttributes"] = draw(message_attributes)
        elif 60 <= kind < 90:
            record["messageAttributes"] = draw(odd_message_attributes)
        elif kind == 198:
            record["body"] = draw(st.sampled_from(ODD_BODIES))
        elif kind == 199:
            del record["body"]
        records.append(record)
    return records


# How clients and proxies write the same ID into a path.
ENCODINGS = {
    "as RFC 3986 says": lambda text: quote(text, safe=""),
    "every byte": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "only what must be": lambda text: text.replace("%", "%25"),
    "most": lambda text: quote(text, safe="!$&'()*+,;=:@|"),
}
ESCAPES = (
    "%", "%2", "%zz", "%ff", "%c3%28", "%ed%a0%80", "%00", "%0a",
    "%20", "%252F", "%2F", "%u0041", "+", "%C3%A9", "%f0%9f",
)  # fmt: skip
paths = st.one_of(
    st.lists(st.sampled_from(ESCAPES) | texts, max_size=4).map("".join),
    st.binary(max_size=12).map(lambda raw: "".join(f"%{byte:02X}" for byte in raw)),
    texts,
    st.sampled_from(("", "x" * 256, "%41" * 255, "%41" * 256, "%" * 3000, "\u00e9" * 255)),
)
_ODD = (None, 7, [], {}, "", True, ["u"], {"user_id": None}, {"user_id": 7}, {"user_id": {}}, {"id": "u"})
_ODD_CONTEXTS = (None, {}, {"requestId": "api-1"}, {"requestId": None}, {"requestId": 7}, "x", [])
requests = st.fixed_dictionaries(
    {"pathParameters": st.builds(lambda path: {"user_id": path}, paths | ids) | st.sampled_from(_ODD)},
    optional={
        "requestContext": st.sampled_from(_ODD_CONTEXTS),
        "resource": st.just("/users/{user_id}/services"),
        "headers": st.sampled_from((None, {}, {"Authorization": "Bearer x"})),
        "queryStringParameters": st.none(),
        "isBase64Encoded": st.booleans(),
    },
) | st.sampled_from(({}, {"pathParameters": None}, {"version": "2.0"}))
