"""When two devices' plans may be shown as one: the same changes in the same places, by the same commands.

Groups are made from the signed payloads and from nothing beside them, so that no stored mark can hide one device's
diff behind another's. The wave of a device is no difference: it says when, not what.
"""

import hashlib
import json
import re
from collections.abc import Iterator

_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@ ?(.*)")
_ALIKE = ("commands", "backout", "pre_checks", "post_checks")
_SINCE_SECOND = ("backout_method", "confirm_within_s", "diff_source")
"""What plans of the first schema lack."""


def placed_changes(diff: str) -> Iterator[tuple[str, str]]:
    """Each changed line of a unified diff with its sign, and before it the block headers that it stands under.

    Line numbers and lines that only surround a change do not count.
    """
    blocks: list[tuple[int, str]] = []
    inside = False
    for line in diff.split("\n"):
        hunk = _HUNK.match(line)
        if hunk:
            inside, blocks = True, [(-1, hunk[1])] if hunk[1] else []
        elif inside and line[:1] in {" ", "+", "-"}:
            text = line[1:]
            indent = len(text) - len(text.lstrip(" "))
            # The section that the hunk names ends, as every block does, at the next line that is not indented.
            while blocks and (blocks[-1][0] >= indent or indent == 0):
                blocks.pop()
            if line[0] != " ":
                yield line, " / ".join(text for depth, text in blocks if depth < indent)
            blocks.append((indent, text))


def likeness(payload: str) -> str:
    """A fingerprint of a stored device plan that leaves out which device it is for and where its lines stand.

    A payload that cannot be read is like no other: its fingerprint is that of its bytes.
    """
    try:
        content = json.loads(payload)
        strategy = {name: value for name, value in content["strategy"].items() if name != "wave"}
        alike = [*(content[name] for name in _ALIKE), strategy, *(content.get(name) for name in _SINCE_SECOND)]
        changes = list(placed_changes(content["expected_diff"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return hashlib.sha256(payload.encode()).hexdigest()
    return hashlib.sha256(json.dumps([changes, alike], sort_keys=True).encode()).hexdigest()
