"""Interfaces on which a routing protocol only listens: where each system prints them.

Sources: Cisco IOS IP Routing command reference; for FRRouting what a router of version 8.4 was seen to print.
"""

from __future__ import annotations

from devices.domain import draft as edit
from devices.domain.config_tree import Node
from devices.domain.draft import Draft
from devices.domain.grammar import Match

_FRR: str = "ip ospf passive"


def set_in_router(block: Node, found: Match, *, sets: bool) -> bool:
    """Change a router's list of passive interfaces; False where it is an ordinary line.

    With ``passive-interface default`` the exceptions are printed, without it the passive interfaces.
    """
    default = any(child.text == "passive-interface default" for child in block.children)
    if not default or found.text == "passive-interface default":
        return False
    old = [child for child in block.children if child.text == f"no {found.text}"]
    if sets:
        edit.drop(block, old)
    elif not old:
        edit.add(block, f"no {found.text}")
    return True


def set_from_router(draft: Draft, block: Node, found: Match, *, sets: bool) -> bool:
    """FRRouting keeps what is typed below ``router ospf`` at the interface; False where it is an ordinary line."""
    if found.text == "passive-interface default":
        return False
    _, name, *address = found.text.split()
    if block.text != "router ospf":
        draft.notes.append(
            f"“{found.text}” below “{block.text}” does not look at the VRF; its effect is not known for certain."
        )
    wanted = next((each for each in draft.root.children if each.text.split()[:2] == ["interface", name]), None)
    set_on_interface(wanted or edit.add(draft.root, f"interface {name}"), " ".join([_FRR, *address]), sets=sets)
    return True


def set_on_interface(block: Node, line: str, *, sets: bool) -> None:
    """FRRouting: the line and its ``no`` take each other away first; only the next one of a kind is printed.

    ``no`` with an address takes the line with this address away, and prints nothing.
    """
    opposite = f"no {line}" if sets else line
    old = [child for child in block.children if child.text == opposite]
    printed = line if sets else f"no {line}"
    if old:
        edit.drop(block, old)
    elif (sets or line == _FRR) and not any(child.text == printed for child in block.children):
        edit.add(block, printed)
