"""A configuration in normal form as a file that a device can replace itself by, with what normal form drops."""

from typing import Final

_CLOSED: Final = ("address-family ",)


def ios_text(config: str) -> str:
    """The text with `exit-address-family` after each address family, and `end`; IOS would otherwise stay inside."""
    lines: list[str] = []
    open_at = -1
    for line in config.splitlines():
        depth = len(line) - len(line.lstrip())
        if open_at >= 0 and depth <= open_at and line.strip() != "exit-address-family":
            lines.append(" " * open_at + "exit-address-family")
            open_at = -1
        if line.strip() in ("end", ""):
            continue
        lines.append(line)
        if line.lstrip().startswith(_CLOSED) and depth:
            open_at = depth
        elif line.strip() == "exit-address-family":
            open_at = -1
    if open_at >= 0:
        lines.append(" " * open_at + "exit-address-family")
    return "\n".join([*lines, "end", ""])
