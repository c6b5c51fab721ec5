"""`show archive config differences`: what differs between two configurations, with the lines around it for context."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class _Line:
    text: str
    below: list["_Line"] = field(default_factory=list)


def differences(before: str, after: str) -> str:
    """Lines of `before` alone with "-", of `after` alone with "+", under the sections that hold them."""
    lines = _compare(_tree(before), _tree(after), "")
    return "\n".join(["!Contextual Config Diffs:", *(lines or ["!No changes were found"]), ""])


def _tree(text: str) -> list[_Line]:
    top = _Line("")
    stack = [(-1, top)]
    for raw in text.splitlines():
        stripped = raw.strip()
        if not stripped or stripped == "!" or stripped in ("end", "exit-address-family"):
            continue
        depth = len(raw) - len(raw.lstrip())
        while stack[-1][0] >= depth:
            stack.pop()
        line = _Line(stripped)
        stack[-1][1].below.append(line)
        stack.append((depth, line))
    return top.below


def _compare(before: list[_Line], after: list[_Line], indent: str) -> list[str]:
    old = {line.text: line for line in before}
    new = {line.text: line for line in after}
    found: list[str] = []
    for text, line in new.items():
        if text in old:
            inner = _compare(old[text].below, line.below, indent + " ")
            found += [f" {indent}{text}", *inner] if inner else []
        else:
            found += _whole("+", line, indent)
    for text, line in old.items():
        if text not in new:
            found += _whole("-", line, indent)
    return found


def _whole(sign: str, line: _Line, indent: str) -> list[str]:
    lines = [f"{sign}{indent}{line.text}"]
    for inner in line.below:
        lines += _whole(sign, inner, indent + " ")
    return lines
