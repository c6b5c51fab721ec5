"""The text of `show running-config`."""

from collections.abc import Iterator

from devices.lab.ios.config import IosConfig
from devices.lab.ios.tree import Entry

DEFAULT_HOSTNAME = "Switch"


def hostname(config: IosConfig) -> str:
    """The device's name as its prompt shows it."""
    entry = config.root.find("hostname")
    return entry.tokens[1] if entry else DEFAULT_HOSTNAME


def config_text(config: IosConfig) -> str:
    """The whole configuration from its version line to `end`, without the volatile header, ended by a newline."""
    lines = ["!", f"version {config.version}"]
    if config.root.find("hostname") is None:
        lines += ["!", f"hostname {DEFAULT_HOSTNAME}"]
    previous = ""
    for entry, body in _top(config):
        is_block = bool(entry.rule.enter) and entry.rule.hook != "line"
        if is_block or entry.key[0] != previous:
            lines.append("!")
        lines += entry.text.split("\n")
        lines += body
        previous = entry.key[0]
    return "\n".join([*lines, "!", "end", ""])


def _top(config: IosConfig) -> Iterator[tuple[Entry, list[str]]]:
    root, numbered = config.root, config.numbered_lists
    vty = root.beginning("line", "vty")
    for entry in root.ordered():
        if entry.key[:2] == ("line", "vty"):
            if entry is vty[0]:
                yield from _vty(vty)
        elif entry.key != ("vlan", "1"):
            yield entry, body_lines(entry, numbered=numbered)


def body_lines(entry: Entry, depth: int = 1, *, numbered: bool = True) -> list[str]:
    """The lines of an entry's sub-mode, indented one column per level; access list numbers only if asked for."""
    if entry.body is None:
        return []
    lines: list[str] = []
    for inner in entry.body.ordered():
        has_number = inner.rule.hook == "ace" and not numbered
        lines.append(" " * depth + (" ".join(inner.tokens[1:]) if has_number else inner.text))
        lines += body_lines(inner, depth + 1, numbered=numbered)
        if inner.rule.enter in ("af", "vrf-af"):
            lines.append(" " * depth + "exit-address-family")
    return lines


def _vty(entries: list[Entry]) -> Iterator[tuple[Entry, list[str]]]:
    """Neighbouring lines with the same settings are printed as one; IOS always breaks between 4 and 5."""
    groups: list[tuple[int, int, Entry, list[str]]] = []
    for entry in sorted(entries, key=lambda each: int(each.key[2])):
        number, body = int(entry.key[2]), body_lines(entry)
        if groups and number != 5 and groups[-1][1] == number - 1 and groups[-1][3] == body:
            first, _, head, _ = groups.pop()
            groups.append((first, number, head, body))
        else:
            groups.append((number, number, entry, body))
    for first, last, entry, body in groups:
        tokens = ("line", "vty", str(first)) + ((str(last),) if last != first else ())
        yield Entry(entry.rule, tokens, entry.key), body
