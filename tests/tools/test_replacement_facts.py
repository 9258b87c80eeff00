"""The comparison of replacements.json with the provider's schema finds what only one of them says."""

from localcloud.providers.replacements import all_facts
from tools.replacement_facts import differences

SCHEMA = {
    "resources": {
        type_: {"inputProperties": {name: {"willReplaceOnChanges": True} for name in facts.replaces} | {"region": {}}}
        for type_, facts in all_facts().items()
    }
}
QUEUE = "aws:sqs/queue:Queue"


def with_queue(**inputs: dict[str, bool]) -> dict[str, dict[str, dict[str, dict[str, dict[str, bool]]]]]:
    queue = {"inputProperties": SCHEMA["resources"][QUEUE]["inputProperties"] | inputs}
    return {"resources": SCHEMA["resources"] | {QUEUE: queue}}


def test_equal_schema_has_no_differences():
    assert list(differences(SCHEMA)) == []


def test_each_difference_is_a_sentence():
    assert list(differences(with_queue(delaySeconds={"willReplaceOnChanges": True}))) == [
        f"{QUEUE}: a change of delaySeconds replaces it, but replacements.json does not say so"
    ]
    assert list(differences(with_queue(name={}))) == [
        f"{QUEUE}: a change of name does not replace it, but replacements.json says so"
    ]
    fewer = {type_: resource for type_, resource in SCHEMA["resources"].items() if type_ != QUEUE}
    assert list(differences({"resources": fewer})) == [f"{QUEUE} is not in the schema"]
