"""Applying a unified diff of `devices.domain.diffing` to the text that it was made from."""

from devices.domain.diffing import diff_view


class PatchMismatchError(ValueError):
    """The diff was not made from this text."""


def patched(before: str, unified: str) -> str:
    """The text that the diff leads to: ``patched(a, unified_diff(a, b)) == b`` for texts whose lines are all ended.

    Raises:
        PatchMismatchError: a line that the diff takes away or shows is not where it says.
    """
    old = before.split("\n")
    new: list[str] = []
    position = 0
    for hunk in diff_view(unified):
        start = hunk.old_start - 1
        new += old[position:start]
        position = start
        for row in hunk.rows:
            if row.kind != "add":
                if position >= len(old) or old[position] != row.text:
                    raise PatchMismatchError(f"Line {position + 1} is not “{row.text}”.")
                position += 1
            if row.kind != "del":
                new.append(row.text)
    return "\n".join([*new, *old[position:]])
