"""Rules about what lets us in: the access lists before our session, and the lines that decide who may sign in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address
from typing import Final

from devices.domain.severity import Severity
from devices.domain.warnings.control_plane import before_the_device
from devices.domain.warnings.differences import LineChange
from devices.domain.warnings.entries import ANY, AccessList, Packets, Range, relevant, verdict
from devices.domain.warnings.interfaces import ListKey
from devices.domain.warnings.rule import Hit, Path, begins
from devices.domain.warnings.situation import OwnSession, Situation
from devices.domain.warnings.view import View

_Gate = tuple[str, Path, ListKey]


def management_acl(situation: Situation) -> Iterator[Hit]:
    """A list that our session passes changes so that it certainly or possibly shuts us out.

    So does what stands before the control plane, and on Junos a filter at our interface or at the loopback.
    """
    yield from before_the_device(situation)
    yield from _lists_before_us(situation, guards=True)


def list_at_our_interface(situation: Situation) -> Iterator[Hit]:
    """Of the lists that our session passes the one at our interface, which decides about each packet."""
    yield from _lists_before_us(situation, guards=False)


def _lists_before_us(situation: Situation, *, guards: bool) -> Iterator[Hit]:
    before = {place: key for place, _path, key in _gates(situation, situation.before, guards=guards)}
    told: set[ListKey] = set()
    for place, path, key in _gates(situation, situation.after, guards=guards):
        # Terminal lines that are printed in other ranges than before keep their list.
        was = before.get(place) or (key if key in before.values() else ListKey("", ""))
        new, old = situation.after.lists.get(key), situation.before.lists.get(was)
        packets = _session_packets(situation.session)
        if old is not None and verdict(old, packets) is False:
            # The list seems to drop the session that we have, so we do not know from where the device sees us come.
            packets = replace(packets, source=ANY)
        if new is None or key in told or not new.entries or _as_safe(old, new, packets) or verdict(new, packets):
            continue
        told.add(key)
        certain = verdict(new, packets) is False
        result = "would drop it" if certain else "may drop it: make sure that an entry permits it before one denies it"
        sentence = (
            f"The access list {key.name} {place} decides about our session{_from(situation)}. "
            f"After the change it {result}."
        )
        yield Hit(sentence, new.path or path, _number(situation, new, path), None if certain else Severity.MAJOR)


def _from(situation: Situation) -> str:
    client = situation.session.client_address
    return f" from {client}" if client else ""


def _number(situation: Situation, new: AccessList, path: Path) -> int | None:
    """The line that applies the list, else the last line inside it."""
    applied = situation.number_of(path, "ip access-group", "ipv4 access-group", "access-class", "ipv6")
    if applied is not None:
        return applied
    if new.path:
        return situation.number_of(new.path) or situation.header_of(new.path)
    return situation.number_of((), f"access-list {new.name}")


def _gates(situation: Situation, view: View, *, guards: bool) -> Iterator[_Gate]:
    """The places with a list that our session passes."""
    own = situation.own_interface
    now = view.interfaces.get(own.name) if own else None
    six = ":" in situation.session.address
    if now is not None and (inward := now.lists.get("in ipv6" if six else "in")) is not None:
        yield f"at {now.name}", now.path, inward
    for guard in view.guards if guards else ():
        if (guard.key.family == "ipv6") is six:
            yield f"at {guard.what}", guard.path, guard.key


def _session_packets(session: OwnSession) -> Packets:
    return Packets("tcp", _range(session.client_address), _range(session.address), target_ports=(session.port,) * 2)


def _range(address: str) -> Range:
    try:
        return Range(int(IPv4Address(address)), 0) if address else ANY
    except AddressValueError:
        return ANY


def _as_safe(old: AccessList | None, new: AccessList, packets: Packets) -> bool:
    """Whether the new list lets in all that the old one let in: the same say, or only more that is permitted."""
    if old is None:
        return False
    was, now = relevant(old, packets), relevant(new, packets)
    texts, now_texts = {entry.rest for entry in was}, {entry.rest for entry in now}
    kept = [entry.rest for entry in was if entry.rest in now_texts]
    return (
        kept == [entry.rest for entry in now if entry.rest in texts]
        and all(entry.permits for entry in now if entry.rest not in texts)
        and all(not entry.permits for entry in was if entry.rest not in now_texts)
    )


_SIGN_IN: Final = re.compile(
    r"aaa new-model|aaa (?:authentication (?:login|enable)|authorization (?:exec|commands|config-commands|console)) "
    r"|ip ssh (?:version|server algorithm)|ssh server |ssh key |tacacs source-interface"
    r"|ip (?:tacacs|radius) source-interface"
)
_SERVERS: Final = re.compile(r"(?:aaa group server|tacacs server|radius server) |(?:tacacs|radius)-server host ")
_IN_SERVER: Final = re.compile(r"(?:server|server-private|server name|address|key|timeout|port|ip vrf|vrf|use-vrf)\b")
_IN_LINE: Final = re.compile(r"(?:login|transport input|authorization|password)\b")
_JUNOS: Final = re.compile(
    r"system (?:authentication-order|services ssh|services netconf|tacplus-server|radius-server|login class)\b"
)
_GONE: Final = re.compile(r"feature (?:ssh|tacacs\+)$")
_TURNED_OFF: Final = re.compile(r"no (?:feature ssh|ip ssh version|aaa new-model)")
_OPENS: Final = ("line vty", "line default", "management ssh", "management api http-commands")
_SERVICES: Final = ("management ssh", "management api http-commands")
_SERVED: Final = re.compile(r"(?:no )?(?:shutdown|protocol )|vrf ")


def management_aaa(situation: Situation) -> Iterator[Hit]:
    """A line that decides whether our user gets in comes, goes or changes; servers and users only when they go."""
    user = situation.session.username
    whole = {change.text for change in situation.changes if not change.path and change.op == "-"}
    seen = {(path, "transport input") for path in _still_open(situation)}
    for change in situation.changes:
        # A block that goes whole is told once.
        what = _sign_in_part(change, user, situation) if not whole.intersection(change.path[:1]) else ""
        stem = _header(change, whole_statement=bool(situation.platform.first_words)).removeprefix("no ") if what else ""
        if not what or (change.path, stem) in seen:
            continue
        seen.add((change.path, stem))
        number = situation.number_of(change.path, *([stem] if stem else []))
        if number is None and change.path:
            number = situation.header_of(change.path)
        sentence = f"{what}. Countersign signs in by these lines: make sure that its user still gets in."
        yield Hit(sentence, change.path or (" ".join(stem.split()[:4]),), number)


def _still_open(situation: Situation) -> Iterator[Path]:
    """The terminal lines whose new setting still takes SSH."""
    for change in situation.changes:
        if (
            change.op == "+"
            and change.text.startswith("transport input ")
            and {"ssh", "all"} & set(change.text.split())
        ):
            yield change.path


def _header(change: LineChange, *, whole_statement: bool = False) -> str:
    """The words that say which setting it is; what follows them may be a secret."""
    words = change.text.split()
    if whole_statement:
        return change.text.removeprefix("set ")
    if not words:
        return ""
    if words[0] in ("aaa", "tacacs", "radius"):
        return " ".join(words[: 5 if words[1:2] == ["group"] else 4 if words[0] == "aaa" else 3])
    return " ".join(words[: 2 if words[0] != "no" else 3])


def _sign_in_part(change: LineChange, user: str, situation: Situation) -> str:
    """What of the way in the line is, as a sentence without its end; "" for any other line."""
    if change.op == "~":
        moved = bool(change.path) and change.path[0].startswith("aaa group server")
        return f"The order of the servers in “{change.path[0]}” changes" if moved else ""
    if situation.platform.first_words:
        return _junos_part(change, user)
    return _block_part(change, user) if change.path else _global_part(change, user, situation)


def _global_part(change: LineChange, user: str, situation: Situation) -> str:
    verb = "comes" if change.op == "+" else "goes"
    gone = change.op == "-" and (
        _SERVERS.match(change.text) or _GONE.match(change.text) or change.text.startswith(_OPENS)
    )
    if _SIGN_IN.match(change.text) or gone or (change.op == "+" and _TURNED_OFF.match(change.text)):
        return f"“{_header(change)}” {verb}"
    return f"Our own user {user} {verb}" if _is_user_gone(change, user, situation) else ""


def _block_part(change: LineChange, user: str) -> str:
    verb, block = "comes" if change.op == "+" else "goes", change.path[0]
    if user and block == f"username {user}" and change.op == "-" and not change.text.startswith(("secret", "password")):
        return f"“{change.text}” of our own user {user} goes"
    if block.startswith(_SERVICES) and _SERVED.match(change.text) and not _opens_service(change):
        return f"“{change.text}” {verb} in “{' / '.join(change.path)}”"
    if block.startswith(_OPENS) and _IN_LINE.match(change.text):
        # The word after "password" is a secret.
        return f"“{change.text if not change.text.startswith('password') else 'password'}” {verb} in “{block}”"
    if change.op == "-" and _SERVERS.match(block) and _IN_SERVER.match(change.text):
        return f"“{change.text.split()[0]}” {verb} in “{block}”"
    return ""


def _opens_service(change: LineChange) -> bool:
    """Whether the service is only offered in another way too: an instance for a VRF comes, or what stopped it goes."""
    if change.op == "+":
        return change.text.startswith(("vrf ", "no shutdown"))
    return change.text == "shutdown"


def _is_user_gone(change: LineChange, user: str, situation: Situation) -> bool:
    if not user or change.op != "-" or not begins(change.text, f"username {user}"):
        return False
    return not any(begins(node.text, f"username {user}") for node in situation.after.by_word.get("username", ()))


def _junos_part(change: LineChange, user: str) -> str:
    text = change.text.removeprefix("set ")
    if _JUNOS.match(text):
        return f"“{' '.join(text.split()[:3])}” {'comes' if change.op == '+' else 'goes'}"
    if user and change.op == "-" and begins(text, f"system login user {user}"):
        return f"A line of our own user {user} goes"
    return ""
