"""Which names of project and stack fit into every physical name."""

import re

from components.settings.problems import Problem

# The longest name with the tightest limit is the domain of the user pool: PROJECT-STACK-callers-01234567.
LONGEST_PREFIX = 63 - len("-callers-01234567")
LONGEST_STACK = 20


def name_problems(project: str, stack: str) -> list[Problem]:
    """Return what AWS would reject, of the project and of the stack.

    A stack with such a name has never been deployed, so a new stack replaces it. No fix renames a stack: renaming a
    deployed stack would replace its queues, its table and everything else that has a name.
    """
    trademarks = "without aws, amazon or cognito"
    problems: list[Problem] = []
    if not _fits(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", project, LONGEST_PREFIX - len("-s")):
        words = f"lower-case letters, digits and -, at most {LONGEST_PREFIX - 2} characters, {trademarks}"
        problems.append(Problem(key="project", value=project, requirement=words, fix=_PROJECT_FIX))
    elif len(project) + len("-") + min(len(stack), LONGEST_STACK) > LONGEST_PREFIX:
        words = f"at most {LONGEST_PREFIX - 1} characters, together with the name of the stack"
        problems.append(Problem(key="project", value=project, requirement=words, fix=_PROJECT_FIX))
    if not _fits(r"[a-z](-?[a-z0-9])*", stack, LONGEST_STACK):
        words = (
            "lower-case letters, digits and single -, starting with a letter, "
            f"at most {LONGEST_STACK} characters, {trademarks}"
        )
        fix = f"pulumi stack init NAME --copy-config-from {stack}"
        problems.append(Problem(key="stack", value=stack, requirement=words, fix=fix))
    return problems


_PROJECT_FIX = (
    "change name in Pulumi.yaml, and the names that begin with it in Pulumi.*.yaml, before the first deployment"
)


def _fits(pattern: str, name: str, longest: int) -> bool:
    trademark = any(word in name for word in ("aws", "amazon", "cognito"))
    return bool(re.fullmatch(pattern, name)) and len(name) <= longest and not trademark
