"""The commands that set one line or take it away, as a person would type them."""

import re

from devices.domain.config_text import banner_lines, free_delimiter
from devices.domain.config_tree import Node
from devices.domain.grammar import Match, Mode
from devices.domain.platforms import BannerStyle, Platform
from devices.domain.vlan_sets import parse_vlans, render_vlans


def in_mode(header: str, inner: list[str], platform: Platform) -> list[str]:
    """Commands inside a mode: entered, indented, left; nothing when there is nothing to do inside."""
    if not inner:
        return []
    return [header, *(" " * platform.indent + line for line in inner), "exit"]


def set_commands(node: Node, mode: Mode, platform: Platform) -> list[str]:
    """Enter a line or a whole block as it was printed."""
    if node.body is not None:
        return _verbatim_commands(node, platform)
    found = mode.match(node.text)
    if node.children or (found is not None and found.rule.opens):
        below = platform.grammar.mode_below(mode, node.text)
        inner = [line for child in node.children for line in set_commands(child, below, platform)]
        return in_mode(node.text, inner, platform) or [node.text, "exit"]
    if found is not None and found.rule.ranges and len(node.text) > platform.max_line_length:
        return _vlan_commands(found, platform)
    return [node.text]


def _verbatim_commands(node: Node, platform: Platform) -> list[str]:
    if not node.text.startswith(("banner", "aaa", "menu")):
        return [node.text, *(node.body or "").split("\n"), "quit"]
    if platform.banner is BannerStyle.EOF:
        return banner_lines(node, platform)
    return banner_lines(node, platform, free_delimiter(node.body or ""))


def _vlan_commands(found: Match, platform: Platform) -> list[str]:
    """Enter a set that is too long for one line in parts; the first replaces, the others add."""
    head = " ".join(found.head)
    parts = render_vlans(parse_vlans(found.words[-1]) or ()).split(",")
    commands, line = [], f"{head} {parts[0]}"
    for part in parts[1:]:
        if len(line) + 1 + len(part) > platform.max_line_length:
            commands.append(line)
            line = f"{head} add {part}"
        else:
            line = f"{line},{part}"
    return [*commands, line]


def negation(text: str, mode: Mode, platform: Platform) -> str:
    """Take a line away that was not there before; "" when nothing can be typed for that.

    Where the device prints the negation of a setting, a setting that was not printed was at its default, which may be
    "on": ``no logging console`` would switch off what ``logging console errors`` had merely narrowed.
    """
    negated, found = mode.match_any(text)
    if found is not None and found.rule.off and platform.has_default and not (negated and found.rule.hidden):
        return f"default {found.rule.negated(found.captures)[3:]}"
    if negated:
        is_incomplete = found is not None and found.rule.needs_value and len(found.words) == len(found.head)
        return "" if is_incomplete else text[3:]
    if found is not None and found.rule.short:
        return found.rule.negated(found.captures)
    if found is not None and found.rule.remove:
        return found.rule.remove.format(*found.captures)
    return f"no {text}"


def replace_commands(old: Node, new: Node, mode: Mode, platform: Platform) -> list[str]:
    """Put an old value back in place of another one with the same key."""
    found = mode.match(new.text)
    setting = set_commands(new, mode, platform)
    if found is None or new.text.startswith("no "):
        return setting
    if found.rule.ranges == "add":
        return _range_difference(old, new, found)
    must_go = found.rule.refuses or (found.rule.tokens[0] == "username" and _loses_attributes(old.text, new.text))
    taken_away = negation(old.text, mode, platform) if must_go else ""
    return [taken_away, *setting] if taken_away else setting


def _range_difference(old: Node, new: Node, found: Match) -> list[str]:
    head = " ".join(found.head)
    present = parse_vlans(old.text.split()[-1]) or frozenset()
    wanted = parse_vlans(new.text.split()[-1]) or frozenset()
    commands = [f"{head} {render_vlans(wanted - present)}"] if wanted - present else []
    return [*commands, f"no {head} {render_vlans(present - wanted)}"] if present - wanted else commands


def _loses_attributes(old: str, new: str) -> bool:
    """Whether a user has attributes now that entering the old line would leave in place."""
    names = r"\b(privilege|secret|password|nopassword|view|autocommand|access-class)\b"
    return not set(re.findall(names, old)) <= set(re.findall(names, new))
