"""Read policies by name as JSON, write parliament's findings as JSON. Runs in the scanners' own environment."""

import json
import sys

import parliament  # pyrefly: ignore[missing-import] (not in this environment)


def findings(policy: str) -> list[dict[str, str]]:
    """All findings of parliament in one policy document, of any severity."""
    analyzed = parliament.analyze_policy_string(policy, ignore_private_auditors=True)
    enhanced = [parliament.enhance_finding(finding) for finding in analyzed.findings]
    return [
        {"rule": finding.issue, "title": finding.title, "detail": f"{finding.detail} {finding.location}"}
        for finding in enhanced
    ]


if __name__ == "__main__":
    json.dump({name: findings(policy) for name, policy in json.load(sys.stdin).items()}, sys.stdout)
