"""Compare replacements.json with the schema of the AWS provider, which standard input has.

    pulumi package get-schema aws@VERSION | python -m tools.replacement_facts

The schema says of each input whether a change replaces the resource (`willReplaceOnChanges`). Exit code 1: they differ.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from localcloud.providers.replacements import all_facts
from tools.documents import command_line


def differences(schema: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence for each input whose fact is not that of the schema."""
    for type_, facts in all_facts().items():
        if type_ not in schema["resources"]:
            yield f"{type_} is not in the schema"
            continue
        inputs = schema["resources"][type_]["inputProperties"]
        theirs = {name for name, property_ in inputs.items() if property_.get("willReplaceOnChanges")}
        # `region` moves every resource, and the embedded cloud has one region.
        for name in sorted((theirs - {"region"}) - facts.replaces):
            yield f"{type_}: a change of {name} replaces it, but replacements.json does not say so"
        for name in sorted(facts.replaces & inputs.keys() - theirs):
            yield f"{type_}: a change of {name} does not replace it, but replacements.json says so"


def main() -> None:
    """Print the differences."""
    command_line("replacement_facts", __doc__).parse_args()
    found = list(differences(json.load(sys.stdin)))
    print("\n".join(found) or "replacements.json is what the schema says.")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
