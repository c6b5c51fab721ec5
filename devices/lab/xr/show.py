"""What the IOS XR-like router prints for show commands; a command that is not here is refused."""

import re
from collections.abc import Iterator
from datetime import datetime

from devices.lab.line_tree import Entry
from devices.lab.xr.machine import VERSION, XrMachine, text_of

__all__ = ["VERSION", "changes", "difference", "output", "semantic_errors", "stamp", "text_of"]


def stamp(moment: datetime) -> str:
    """The line that XR prints before an output."""
    return f"{moment:%a %b %d %H:%M:%S}.{moment.microsecond // 1000:03d} UTC"


def output(machine: XrMachine, text: str) -> str | None:
    """The output of a show command; None for one that is not known."""
    if text == "show running-config":
        at = machine.commits[-1] if machine.commits else None
        changed = f"!! Last configuration change at {at.at:%a %b %d %H:%M:%S %Y} by {at.user}\n" if at else ""
        return f"Building configuration...\n!! IOS XR Configuration {VERSION}\n{changed}!\n{machine.running_text()}"
    if text == "show version":
        return _version(machine)
    if text == "show inventory":
        model = machine.hardware.model
        return f'NAME: "Rack 0", DESCR: "{model} Chassis"\nPID: {model:<18}, VID: V01, SN: {machine.serial}\n\n'
    if text == "show clock":
        now = machine.clock()
        return f"{now:%H:%M:%S}.{now.microsecond // 1000:03d} UTC {now:%a %b %d %Y}\n"
    if text == "show configuration commit list 1 detail":
        return _commit_list(machine)
    return None


def _version(machine: XrMachine) -> str:
    return (
        f"Cisco IOS XR Software, Version {VERSION}\nCopyright (c) 2013-2021 by Cisco Systems, Inc.\n\n"
        "(a simulated device of the Countersign lab)\n\n"
        f"cisco {machine.hardware.model} () processor\nSystem uptime is 1 hour 2 minutes\n\n"
    )


def _commit_list(machine: XrMachine) -> str:
    if not machine.commits:
        return ""
    newest = machine.commits[-1]
    return (
        f"   1) CommitId: {newest.number}                 Label: {newest.label or 'NONE'}\n"
        f"      UserId:   {newest.user:<24} Line:  vty0:node0_RP0_CPU0\n"
        f"      Client:   CLI                        Time:  {newest.at:%a %b %d %H:%M:%S %Y}\n"
        "      Comment:  NONE\n"
    )


def changes(before: Entry, after: Entry) -> bool:
    """Whether two configurations differ."""
    return text_of(before) != text_of(after)


def difference(before: Entry, after: Entry) -> str:
    """`show commit changes diff`: "-" and "+" before lines, the blocks that hold them without either."""
    return "".join(f"{line}\n" for line in _different(before, after, 0))


def _different(before: Entry, after: Entry, depth: int) -> Iterator[str]:
    old = {entry.text: entry for entry in before.below}
    new = {entry.text: entry for entry in after.below}
    pad = " " * (depth + 2)
    for text, entry in old.items():
        if text not in new:
            yield from _marked("-", entry, depth)
        elif inner := list(_different(entry, new[text], depth + 1)):
            yield f" {pad}{text}"
            yield from inner
            yield f" {pad}!"
    for text, entry in new.items():
        if text not in old:
            yield from _marked("+", entry, depth)


def _marked(mark: str, entry: Entry, depth: int) -> Iterator[str]:
    pad = " " * (depth + 2)
    yield from (f"{mark}{pad}{line}" for line in entry.text.split("\n"))
    for inner in entry.below:
        yield from _marked(mark, inner, depth + 1)
    if entry.below:
        yield f"{mark}{pad}!"


def semantic_errors(target: Entry) -> list[str]:
    """What `show configuration failed` prints for a target that cannot be committed; nothing if it can."""
    found: list[str] = []
    owners: dict[str, str] = {}
    for block in target.below:
        for entry in block.below:
            address = re.fullmatch(r"ipv4 address (\S+) .*", entry.text)
            if address and owners.setdefault(address[1], block.text) != block.text:
                why = "!!% 'ipv4-arm' detected the 'warning' condition 'The IPv4 address conflicts with another one'"
                found += [block.text, f" {entry.text}", why, "!"]
    defined = {entry.text.split("\n")[0] for entry in target.below}
    for name in _used_policies(target):
        if f"route-policy {name}" not in defined:
            found.append(f"!!% Could not find entry in list: Policy [{name}] is used but not defined")
    return [
        "!! SEMANTIC ERRORS: This configuration was denied by",
        "!! the system due to semantic errors.",
        *found,
    ] * bool(found)


def _used_policies(entry: Entry) -> Iterator[str]:
    for inner in entry.below:
        used = re.fullmatch(r"route-policy (\S+) (?:in|out)", inner.text)
        if used:
            yield used[1]
        yield from _used_policies(inner)
