"""Lines that do more than set a value: ranges of interfaces, VLANs and terminal lines, access lists, users.

Sources: Cisco IOS command references; each function says what the device does.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import Final

from devices.domain import draft as edit
from devices.domain import passive_interfaces
from devices.domain.access_lists import (
    add_entry,
    canonical_entry,
    is_entry,
    is_numbered,
    number_entries,
    remove_entry,
    split_number,
    strip_numbers,
)
from devices.domain.config_tree import Node
from devices.domain.draft import Draft
from devices.domain.grammar import Match, Mode
from devices.domain.terminal_lines import is_removable_terminal, split_terminals, terminal_range
from devices.domain.vlan_sets import ALL_VLANS, parse_vlans, render_vlans


class Verb(Enum):
    """What a command does with its line: set it, ``no``, or ``default``."""

    SET = auto()
    UNSET = auto()
    RESET = auto()


# Without the word "secret": what follows it in a sentence would be masked.
_STORED_CODED: Final = "the device stores a coded form, so the value itself cannot be read back and compared."

_Handler = Callable[[Draft, Node, Mode, Match, Verb], "list[Node] | None"]


def match_entry(mode: Mode, text: str, *, expand: bool) -> Match | None:
    """Match an access list entry, which may begin with its number or be a number alone."""
    number, rest = split_number(text)
    rest = mode.expand(rest) if expand else rest
    if number is None and not is_entry(rest):
        return None
    rule = mode.rules[0]
    words = (() if number is None else (str(number),)) + tuple(rest.split())
    canonical = canonical_entry(" ".join(words), standard=mode.name == "std-acl")
    if rest.startswith("remark"):
        canonical = text
    return Match(rule, (), tuple(canonical.split()), canonical) if is_entry(canonical) else None


def handle(draft: Draft, block: Node, mode: Mode, found: Match, verb: Verb) -> list[Node] | None:
    """Execute a special line; None when it is an ordinary one, else the blocks that it enters."""
    if mode.sequenced:
        return _entry(draft, block, found, verb)
    if found.rule.ranges and verb is not Verb.RESET:
        return _vlan_range(block, mode, found, verb)
    if found.rule.listed:
        return _listed(block, mode, found, verb)
    handler = _HANDLERS.get(found.rule.phrase)
    return handler(draft, block, mode, found, verb) if handler else None


def reset(draft: Draft, block: Node, mode: Mode, found: Match) -> None:
    """Apply ``default``: back to what stands there without anybody having typed anything."""
    if found.rule.opens and found.rule.tokens[0] == "interface":
        for node in edit.with_key(block, mode, found.key):
            node.children = []
            settle_address(draft, node)
        return
    old = edit.with_key(block, mode, found.key)
    if old and found.rule.unset:
        old[0].text = found.rule.unset
        old = old[1:]
    edit.drop(block, old)


def _entry(draft: Draft, block: Node, found: Match, verb: Verb) -> list[Node]:
    """An access list entry; lists without printed numbers count 10, 20, 30 while they are edited."""
    if is_numbered(block.children) is False:
        number_entries(block)
        if split_number(found.text)[0] is not None:
            draft.notes.append(f"{block.text}: this device does not print numbers; 10, 20, 30 … are assumed.")
    if verb is not Verb.SET:
        remove_entry(block, found.text)
    elif not add_entry(block, found.text):
        draft.notes.append(f"{block.text}: the number of “{found.text}” is taken; the device will refuse it.")
    return []


def _vlan_range(block: Node, mode: Mode, found: Match, verb: Verb) -> list[Node]:
    """A set of VLANs: ``add``, ``remove`` and ``except`` change the set that is there."""
    old = edit.with_key(block, mode, found.key)
    adds = found.rule.ranges == "add"
    default = frozenset[int]() if adds else ALL_VLANS
    current = (parse_vlans(old[0].text.split()[-1]) if old else None) or (frozenset() if old else default)
    values = found.words[len(found.head) :]
    given = parse_vlans(values[-1]) if values else None
    if verb is Verb.UNSET:
        new = current - given if adds and given is not None else default
    elif given is None:
        return []
    else:
        typed = values[0].lower() if len(values) > 1 else ("add" if adds else "=")
        ways = {"add": current | given, "remove": current - given, "except": ALL_VLANS - given}
        new = next((vlans for word, vlans in ways.items() if word.startswith(typed)), given)
    if new == default:
        edit.drop(block, old)
        return []
    text = " ".join((*found.head, render_vlans(new)))
    if old:
        old[0].text = text
    else:
        edit.add(block, text)
    return []


def _listed(block: Node, mode: Mode, found: Match, verb: Verb) -> list[Node]:
    """Several values on one line: each is a line, or a block, of its own."""
    values = list(found.words[len(found.head) :])
    if found.rule.opens:
        values = [str(number) for number in sorted(parse_vlans(values[0]) or ())] or values
    entered: list[Node] = []
    for value in values or [""]:
        text = " ".join((*found.head, value)).strip()
        single = mode.match(text, partial=True)
        if single is None:
            continue
        if verb is Verb.SET:
            node = edit.put(block, mode, single)
            entered += [node] if node is not None and found.rule.opens else []
        else:
            edit.unset(block, mode, single, text)
    return entered


def _interface_range(draft: Draft, block: Node, mode: Mode, found: Match, verb: Verb) -> list[Node]:
    """``interface range``: one command for several interfaces."""
    names = mode.names.expand_range(" ".join(found.words[2:]))
    return [node for name in names for node in _one_interface(draft, block, mode, name, verb)]


def _one_interface(draft: Draft, block: Node, mode: Mode, name: str, verb: Verb) -> list[Node]:
    found = mode.match(f"interface {name}")
    return _interface(draft, block, mode, found, verb) if found is not None else []


def _interface(draft: Draft, block: Node, mode: Mode, found: Match, verb: Verb) -> list[Node]:
    """An interface; a new one that carries addresses says that it has none. Some platforms take ranges here as well."""
    names = mode.names.expand_range(found.text.partition(" ")[2]) if mode.names.takes_ranges else []
    if len(names) > 1:
        return [node for name in names for node in _one_interface(draft, block, mode, name, verb)]
    if verb is Verb.RESET:
        reset(draft, block, mode, found)
        return []
    if verb is Verb.UNSET:
        edit.unset(block, mode, found, found.text)
        return []
    is_new = not edit.with_key(block, mode, found.key)
    node = edit.put(block, mode, found)
    if node is not None and is_new:
        settle_address(draft, node)
    return [node] if node is not None else []


@contextmanager
def address_watch(draft: Draft, block: Node) -> Iterator[None]:
    """Print ``no ip address`` on an interface that loses its address, whatever command took it."""
    watched = draft.grammar.prints_no_address and block.text.startswith("interface ")
    before = watched and (_has_address(block) or not draft.is_layer3(block.text, block))
    yield
    if before:
        settle_address(draft, block)


def _has_address(block: Node) -> bool:
    return any(child.text.removeprefix("no ").startswith(("ip address", "ip unnumbered")) for child in block.children)


def settle_address(draft: Draft, block: Node) -> None:
    """Add ``no ip address`` where the device prints it."""
    if draft.grammar.prints_no_address and draft.is_layer3(block.text, block) and not _has_address(block):
        edit.add(block, "no ip address")


def _access_vlan(draft: Draft, block: Node, mode: Mode, found: Match, verb: Verb) -> list[Node]:
    """An access VLAN that does not exist is created, where the running configuration holds the VLANs."""
    number = found.words[-1]
    vlans = [
        child.text for child in draft.root.children if child.text.startswith("vlan ") and child.text[5:].isdecimal()
    ]
    if verb is Verb.SET and number.isdecimal() and number != "1" and vlans and f"vlan {number}" not in vlans:
        edit.add(draft.root, f"vlan {number}")
    _ordinary(draft, block, mode, found, verb)
    return []


def _channel_group(draft: Draft, block: Node, mode: Mode, found: Match, verb: Verb) -> list[Node]:
    """A channel group creates its port-channel interface."""
    _ordinary(draft, block, mode, found, verb)
    if verb is Verb.SET:
        kind = next((name for name in draft.grammar.names.types if name.lower() == "port-channel"), "Port-channel")
        name = f"interface {kind}{found.captures[0]}" if found.captures else ""
        if name and all(child.text != name for child in draft.root.children):
            _one_interface(draft, draft.root, draft.grammar.top, name.partition(" ")[2], Verb.SET)
    return []


def _ordinary(draft: Draft, block: Node, mode: Mode, found: Match, verb: Verb) -> None:
    if verb is Verb.SET:
        edit.put(block, mode, found)
    elif verb is Verb.UNSET:
        edit.unset(block, mode, found, found.text)
    else:
        reset(draft, block, mode, found)


def _username(draft: Draft, block: Node, mode: Mode, found: Match, verb: Verb) -> list[Node] | None:
    """The attributes of a user add up: privilege, then secret or password. Clear text is stored hashed."""
    if verb is not Verb.SET:
        if len(found.words) == 2:  # the name alone takes every line of the user away
            edit.unset_unknown(block, found.text)
        return None
    if re.search(r"\b(?:secret|password)(?: 0)? [^\s]+$", found.text) and not re.search(r" [5-9] \S+$", found.text):
        draft.notes.append(f"User {found.captures[0]}: {_STORED_CODED}")
    old = edit.with_key(block, mode, found.key)
    known = _attributes(old[0].text.split()[2:]) if old else {}
    known.update(_attributes(list(found.words[2:])))
    ordered = [known[name] for name in ("privilege", "other", "secret", "password", "nopassword") if name in known]
    merged = mode.match(" ".join((*found.words[:2], *ordered)))
    if merged is not None:
        edit.put(block, mode, merged)
    return []


def _attributes(words: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    while words:
        name = words[0]
        if name == "privilege":
            found[name], words = " ".join(words[:2]), words[2:]
        elif name in ("secret", "password", "nopassword"):
            found[name], words = " ".join(words), []
        else:
            found["other"] = f"{found.get('other', '')} {name}".strip()
            words = words[1:]
    return found


def _secret(draft: Draft, _block: Node, _mode: Mode, found: Match, verb: Verb) -> list[Node] | None:
    """``enable secret`` in clear text is stored hashed; which hash cannot be known."""
    if verb is Verb.SET and not re.search(r" [4-9] \S+$", found.text):
        draft.notes.append(f"Privileged mode: {_STORED_CODED}")
    return None


def _sequence_list(_draft: Draft, block: Node, _mode: Mode, found: Match, verb: Verb) -> list[Node] | None:
    """A flat list with numbers, such as a prefix list: what has none gets the next in steps of five.

    An entry that stands under another number is not taken again.
    """
    words = list(found.words)
    length = 2 if words[0] == "access-list" else 3
    head, rest = " ".join(words[:length]), words[length:]
    nodes = [child for child in block.children if child.text.startswith(f"{head} seq ")]
    entry = rest[2:] if rest[:1] == ["seq"] else rest
    same = [node for node in nodes if node.text.split()[length + 2 :] == entry]
    if rest[:1] == ["seq"]:
        return [] if verb is Verb.SET and same else None
    if verb is not Verb.SET:
        everything = [child for child in block.children if child.text.startswith(f"{head} ")]
        edit.drop(block, same if rest else everything)
    elif not same and rest[:1] in (["permit"], ["deny"]):
        number = max((int(node.text.split()[length + 1]) for node in nodes), default=0) + 5
        edit.add(block, f"{head} seq {number} {' '.join(rest)}")
    return []


def _numbered_list(_draft: Draft, block: Node, mode: Mode, found: Match, verb: Verb) -> list[Node]:
    """``no access-list N`` deletes the whole list, whatever follows the number."""
    number, rest = found.captures[0], " ".join(found.words[2:])
    named = [
        node for node in block.children if re.fullmatch(rf"ip access-list (?:standard|extended) {number}", node.text)
    ]
    if verb is not Verb.SET:
        edit.drop(block, named)
        edit.drop(block, [child for child in block.children if child.text.startswith(f"access-list {number} ")])
    elif named and rest:
        add_entry(named[0], canonical_entry(rest, standard=named[0].text.split()[2] == "standard"))
    elif rest:
        entry = mode.match(f"access-list {number} {canonical_entry(rest, standard=is_standard(number))}")
        if entry is not None:
            edit.put(block, mode, entry)
    return []


def is_standard(number: str) -> bool:
    """Whether a numbered list is a standard one: 1 to 99 and 1300 to 1999."""
    return number.isdecimal() and (int(number) < 100 or 1300 <= int(number) < 2000)


def _named_list(draft: Draft, block: Node, _mode: Mode, found: Match, verb: Verb) -> list[Node] | None:
    """Entering a numbered list by ``ip access-list``: its flat lines are edited as a block, see `settle`."""
    name = found.captures[0]
    flat = [child for child in block.children if child.text.startswith(f"access-list {name} ")]
    if not name.isdecimal() or not flat or verb is Verb.RESET:
        return None
    if verb is Verb.UNSET:
        edit.drop(block, flat)
        return []
    node = Node(found.text, [Node(child.text.split(" ", 2)[2]) for child in flat])
    number_entries(node)
    block.children.insert(block.children.index(flat[0]), node)
    edit.drop(block, flat)
    draft.flat_lists[id(node)] = node
    return [node]


def _resequence(_draft: Draft, block: Node, _mode: Mode, found: Match, verb: Verb) -> list[Node]:
    """``ip access-list resequence`` numbers a list anew, in its order."""
    name, *numbers = found.words[3:]
    if verb is Verb.SET and len(numbers) == 2 and all(number.isdecimal() for number in numbers):
        for node in block.children:
            if re.fullmatch(rf"ip access-list (?:standard |extended )?{re.escape(name)}", node.text):
                number_entries(node, int(numbers[0]), int(numbers[1]))
    return []


def settle(draft: Draft) -> None:
    """Print edited access lists as this device prints them."""
    for node in draft.root.children:
        if not draft.grammar.mode_below(draft.grammar.top, node.text).sequenced:
            continue
        if is_numbered(node.children) and not draft.numbered_lists:
            strip_numbers(node)
    draft.root.children = [
        flat for node in draft.root.children for flat in (_flat_lines(node) if id(node) in draft.flat_lists else [node])
    ]


def _flat_lines(node: Node) -> list[Node]:
    number = node.text.split()[3]
    return [Node(f"access-list {number} {split_number(child.text)[1]}") for child in node.children]


def _terminal(_draft: Draft, block: Node, _mode: Mode, found: Match, verb: Verb) -> list[Node] | None:
    """``line vty A B`` means every line of the range, whatever ranges the configuration is printed in."""
    wanted = terminal_range(found.text)
    if wanted is None or (verb is not Verb.SET and not is_removable_terminal(found.text)):
        return None
    split_terminals(block, wanted)
    if verb is not Verb.SET:
        gone = {f"line vty {number}" for number in range(wanted[0], wanted[1] + 1)}
        edit.drop(block, [child for child in block.children if child.text in gone])
        return []
    present = {terminal_range(child.text): child for child in block.children if child.text.startswith("line vty ")}
    entered = [present[(number, number)] for number in range(wanted[0], wanted[1] + 1) if (number, number) in present]
    created = [number for number in range(wanted[0], wanted[1] + 1) if (number, number) not in present]
    return entered + [edit.add(block, f"line vty {number}") for number in created]


def _address(draft: Draft, block: Node, _mode: Mode, found: Match, verb: Verb) -> list[Node] | None:
    """The primary address cannot go while secondary ones stand; ``no ip address`` alone takes all."""
    if verb is Verb.SET:
        return None
    secondary = any(child.text.endswith(" secondary") for child in block.children)
    if verb is Verb.UNSET and secondary and found.words != found.head:
        draft.notes.append(f"{block.text}: the device keeps the primary address while secondary ones stand.")
        return []
    if found.words == found.head:
        edit.clear(block, ("ip address",), ())
        return []
    return None


def _shutdown(draft: Draft, block: Node, mode: Mode, found: Match, verb: Verb) -> list[Node] | None:
    """NX-OS prints ``no shutdown`` on interfaces that are down by default, which layer 3 ones are."""
    if verb is not Verb.UNSET or not draft.grammar.prints_no_shutdown or not draft.is_layer3(block.text, block):
        return None
    edit.unset(block, mode, found, found.text)
    edit.add(block, "no shutdown")
    return []


def _passive(draft: Draft, block: Node, _mode: Mode, found: Match, verb: Verb) -> list[Node] | None:
    sets = verb is Verb.SET
    if draft.grammar.passive_on_interface:
        return [] if passive_interfaces.set_from_router(draft, block, found, sets=sets) else None
    return [] if passive_interfaces.set_in_router(block, found, sets=verb is not Verb.UNSET) else None


def _passive_here(draft: Draft, block: Node, _mode: Mode, found: Match, verb: Verb) -> list[Node] | None:
    if not draft.grammar.passive_on_interface:
        return None
    passive_interfaces.set_on_interface(block, found.text, sets=verb is Verb.SET)
    return []


_HANDLERS: dict[str, _Handler] = {
    "interface range ...": _interface_range,
    "interface <IF> [...]": _interface,
    "switchport access vlan ...": _access_vlan,
    "channel-group <group> mode ...": _channel_group,
    "username <name> ...": _username,
    "enable secret [...]": _secret,
    "ip prefix-list ...": _sequence_list,
    "ip prefix-list <name> seq <seq> ...": _sequence_list,
    "ipv6 prefix-list ...": _sequence_list,
    "ipv6 prefix-list <name> seq <seq> ...": _sequence_list,
    "access-list <name> seq <seq> ...": _sequence_list,
    "access-list <number> [...]": _numbered_list,
    "ip access-list standard <name>": _named_list,
    "ip access-list extended <name>": _named_list,
    "ip access-list resequence ...": _resequence,
    "line vty <first> [...]": _terminal,
    "passive-interface IF": _passive,
    "passive-interface IF <address>": _passive,
    "ip ospf passive": _passive_here,
    "ip ospf passive <address>": _passive_here,
    "ip address ...": _address,
    "shutdown": _shutdown,
}
