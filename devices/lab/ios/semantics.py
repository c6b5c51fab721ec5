"""Settings that do more than replace the old value with the same key. One function per `hook` of the tables.

A hook gets the place, the matched line and whether it was negated; it changes the section and gives the device's
remarks. Everything that the device refuses is a `RefusedError` with the device's words.
"""

import base64
import hashlib
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from devices.lab.ios.errors import IncompleteError, RefusedError
from devices.lab.ios.grammar import Match
from devices.lab.ios.modes import GRAMMARS, NO_IP_ADDRESS
from devices.lab.ios.params import (
    LAYER3_TYPES,
    VIRTUAL_TYPES,
    interface_type,
    vlan_list,
    vlan_numbers,
)
from devices.lab.ios.tree import Entry, Section

ALL_VLANS = list(range(1, 4095))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line is executed: the whole configuration, the section, and the section's entry."""

    root: Section
    section: Section
    owner: Entry | None
    physical: frozenset[str]


Remarks = list[str]
Hook = Callable[[Place, Match, bool], Remarks]
HOOKS: Final[dict[str, Hook]] = {}


def hook(name: str) -> Callable[[Hook], Hook]:
    """Register what the tables call by this name."""

    def register(function: Hook) -> Hook:
        HOOKS[name] = function
        return function

    return register


@hook("")
@hook("line")
def plain(place: Place, match: Match, negated: bool) -> Remarks:
    """What most settings do."""
    rule = match.rule
    if negated and rule.wipe:
        place.section.drop_beginning(match.tokens)
    elif negated and rule.flags & {"on", "keep-no"}:
        place.section.put_negated(match)
    elif negated or "on" in rule.flags or (rule.default and " ".join(match.value) == rule.default):
        place.section.drop(match.key)
    elif "hidden" not in rule.flags:
        place.section.put(match)
    return []


def reset(place: Place, match: Match, _negated: bool) -> Remarks:
    """What `default …` does: back to the state before anyone typed anything."""
    if match.rule.hook == "interface":
        entry = place.section.find(*match.key)
        if entry is not None and entry.body is not None:
            entry.body.entries.clear()
            if interface_type(match.tokens[1]) in LAYER3_TYPES:
                set_no_address(entry.body)
        return [f"Interface {match.tokens[1]} set to default configuration"]
    if match.rule.hook == "ip_address":
        return _ip_address(place, match, True)
    if match.rule.wipe:
        place.section.drop_beginning(match.tokens)
    else:
        place.section.drop(match.key)
    return []


def _hashed(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    coded = base64.b64encode(digest, altchars=b"./").decode().rstrip("=")
    return f"5 $1${coded[-4:]}${coded[:22]}"


def _secret(words: tuple[str, ...]) -> str:
    """The stored form of "[type] secret": clear text is hashed, a hash is kept."""
    if len(words) == 1:
        return _hashed(words[0])
    if len(words) != 2:
        raise IncompleteError
    return _hashed(words[1]) if words[0] == "0" else " ".join(words)


@hook("enable_secret")
def _enable_secret(place: Place, match: Match, negated: bool) -> Remarks:
    if negated:
        return plain(place, match, negated)
    place.section.put(match, tokens=(*match.key, _secret(tuple(" ".join(match.value).split()))))
    return []


@hook("username")
def _username(place: Place, match: Match, negated: bool) -> Remarks:
    """The attributes of one user add up: privilege, then secret or password."""
    if negated:
        return plain(place, match, negated)
    old = place.section.find(*match.key)
    known = _attributes(" ".join(old.tokens[2:])) if old else {}
    known.update(_attributes(" ".join(match.value)))
    words = [f"privilege {known['privilege']}"] if "privilege" in known else []
    words += [f"{name} {known[name]}" for name in ("secret", "password", "nopassword") if name in known]
    place.section.put(match, tokens=(*match.key, *words))
    return []


def _attributes(text: str) -> dict[str, str]:
    words = text.split()
    found: dict[str, str] = {}
    if words[:1] == ["privilege"] and len(words) > 1:
        found["privilege"] = words[1]
        words = words[2:]
    if words[:1] == ["secret"]:
        found["secret"] = _secret(tuple(words[1:]))
    elif words:
        found[words[0]] = " ".join(words[1:])
    return found


@hook("name_server")
def _name_server(place: Place, match: Match, negated: bool) -> Remarks:
    """Addresses add up; each is an entry of its own."""
    head = match.tokens[:2]
    rest = match.tokens[2:]
    if rest[:1] == ("vrf",):
        head, rest = match.tokens[:4], rest[2:]
    for address in rest:
        if negated:
            place.section.drop((*head, address))
        else:
            place.section.put(match, key=(*head, address), tokens=(*head, address))
    return []


@hook("vlan")
def _vlan(place: Place, match: Match, negated: bool) -> Remarks:
    numbers = vlan_numbers(match.tokens[1]) or []
    if negated and 1 in numbers:
        raise RefusedError("%Default VLAN 1 may not be deleted.")
    for number in numbers:
        key = ("vlan", str(number))
        if negated:
            place.section.drop(key)
        else:
            place.section.put(match, key=key, tokens=key)
    return []


@hook("interface")
def _interface(place: Place, match: Match, negated: bool) -> Remarks:
    name = match.tokens[1]
    is_virtual = interface_type(name) in VIRTUAL_TYPES
    is_sub = name.partition(".")[0] in place.physical and "." in name
    if not is_virtual and not is_sub:
        if negated:
            raise RefusedError("% Removal of physical interfaces is not permitted")
        if name not in place.physical:
            raise RefusedError("%Invalid interface type and number")
    if negated:
        place.section.drop(match.key)
        return []
    is_new = place.section.find(*match.key) is None
    entry = place.section.put(match)
    if is_new and entry.body is not None and (interface_type(name) in LAYER3_TYPES or is_sub):
        set_no_address(entry.body)
    return []


def set_no_address(body: Section) -> None:
    """A layer 3 interface without an address says so."""
    body.put_negated(NO_IP_ADDRESS)


def _is_layer3(place: Place) -> bool:
    if place.owner is None:
        return False
    name = place.owner.tokens[1]
    switchport = place.section.find("switchport")
    routed = switchport is not None and switchport.negated
    return routed or interface_type(name) in LAYER3_TYPES or "." in name


def check_layer(place: Place, match: Match) -> None:
    """Refuse switching settings on a port that routes."""
    if place.section.mode == "if" and match.tokens[0] == "switchport" and len(match.tokens) > 1 and _is_layer3(place):
        name = place.owner.tokens[1] if place.owner else ""
        raise RefusedError(f"Command rejected: {name} not a switching port.")


@hook("switchport")
def _switchport(place: Place, match: Match, negated: bool) -> Remarks:
    if place.owner is None or interface_type(place.owner.tokens[1]) in LAYER3_TYPES:
        raise RefusedError("% Invalid input detected: the interface is not a switching port")
    if negated == _is_layer3(place):
        return []
    if negated:
        place.section.drop_beginning(("switchport",))
        place.section.put_negated(match)
        set_no_address(place.section)
    else:
        place.section.drop(match.key)
        place.section.drop_beginning(("ip", "address"))
    return []


@hook("ip_address")
def _ip_address(place: Place, match: Match, negated: bool) -> Remarks:
    section = place.section
    if negated:
        old = section.find(*match.key)
        if match.value and old is not None and old.tokens != match.tokens:
            return []
        section.drop_beginning(("ip", "address"))
        if _is_layer3(place):
            set_no_address(section)
        return []
    if not _is_layer3(place):
        raise RefusedError("% IP addresses may not be configured on L2 links.")
    if match.value != ("dhcp",):
        _check_overlap(place, match.value[0], match.value[1])
    section.put(match)
    return []


def _network(address: str, mask: str) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(f"{address}/{mask}", strict=False)


def _check_overlap(place: Place, address: str, mask: str) -> None:
    try:
        wanted = _network(address, mask)
    except ValueError:
        raise RefusedError(f"Bad mask {mask} for address {address}") from None
    for other in place.root.beginning("interface"):
        if other is place.owner or other.body is None:
            continue
        entry = other.body.find("ip", "address")
        if entry is None or entry.negated or len(entry.tokens) != 4:
            continue
        network = _network(entry.tokens[2], entry.tokens[3])
        if wanted.overlaps(network):
            raise RefusedError(f"% {network.network_address} overlaps with {other.tokens[1]}")


@hook("access_vlan")
def _access_vlan(place: Place, match: Match, negated: bool) -> Remarks:
    remarks: Remarks = []
    if not negated and match.value != ("1",) and place.root.find("vlan", match.value[0]) is None:
        made = GRAMMARS["global"].match(f"vlan {match.value[0]}")[0]
        _vlan(Place(place.root, place.root, None, place.physical), made, False)
        remarks.append(f"% Access VLAN does not exist. Creating vlan {match.value[0]}")
    plain(place, match, negated)
    return remarks


@hook("allowed_vlan")
def _allowed_vlan(place: Place, match: Match, negated: bool) -> Remarks:
    """`add`, `remove` and `except` change the list that is there; all VLANs are the default and not shown."""
    old = place.section.find(*match.key)
    current = _vlans_of(old)
    if negated or match.value == ("all",):
        numbers = ALL_VLANS
    elif match.value == ("none",):
        numbers = []
    elif len(match.value) == 1:
        numbers = vlan_numbers(match.value[0]) or []
    else:
        given = set(vlan_numbers(match.value[1]) or [])
        kept = {"add": set(current) | given, "remove": set(current) - given}
        numbers = sorted(kept.get(match.value[0], set(ALL_VLANS) - given))
    if numbers == ALL_VLANS:
        place.section.drop(match.key)
    else:
        place.section.put(match, tokens=(*match.key, vlan_list(numbers) or "none"))
    return []


def _vlans_of(entry: Entry | None) -> list[int]:
    if entry is None:
        return ALL_VLANS
    return [] if entry.tokens[-1] == "none" else vlan_numbers(entry.tokens[-1]) or []


@hook("direction")
def _direction(place: Place, match: Match, negated: bool) -> Remarks:
    """One list per direction: the key is the command and the direction, not the list."""
    way = next(word for word in reversed(match.tokens) if word in ("in", "out"))
    words = ("ip", "access-group") if match.tokens[0] == "ip" else ("access-class",)
    key = (*words, way)
    if not negated:
        place.section.put(match, key=key)
    elif (old := place.section.find(*key)) is not None and old.tokens == match.tokens:
        place.section.drop(key)
    return []


@hook("neighbor_direction")
def _neighbor_direction(place: Place, match: Match, negated: bool) -> Remarks:
    """One list or route map per neighbor and direction; `no` needs the direction alone."""
    key = (*match.tokens[:3], match.tokens[-1])
    if negated:
        place.section.drop(key)
    else:
        place.section.put(match, key=key)
    return []


@hook("portfast")
def _portfast(place: Place, match: Match, negated: bool) -> Remarks:
    plain(place, match, negated)
    if negated or "disable" in match.value:
        return []
    return [
        "%Warning: portfast should only be enabled on ports connected to a single",
        " host. Connecting hubs, concentrators, switches, bridges, etc... to this",
        " interface  when portfast is enabled, can cause temporary bridging loops.",
        " Use with CAUTION",
        "",
    ]


@hook("channel_group")
def _channel_group(place: Place, match: Match, negated: bool) -> Remarks:
    plain(place, match, negated)
    if negated or place.root.find("interface", f"Port-channel{match.value[0]}") is not None:
        return []
    made = GRAMMARS["global"].match(f"interface Port-channel{match.value[0]}")[0]
    _interface(Place(place.root, place.root, None, place.physical), made, False)
    return [f"Creating a port-channel interface Port-channel {match.value[0]}", ""]


@hook("router_bgp")
def _router_bgp(place: Place, match: Match, negated: bool) -> Remarks:
    running = place.section.beginning("router", "bgp")
    if running and running[0].tokens != match.tokens:
        raise RefusedError(f"BGP is already running; AS is {running[0].tokens[2]}")
    return plain(place, match, negated)


@hook("neighbor")
def _neighbor(place: Place, match: Match, negated: bool) -> Remarks:
    """A neighbor exists through its remote-as or as a peer group; taking that away takes all its lines."""
    peer = match.tokens[1]
    makes = match.tokens[2] == "remote-as" or match.tokens[2:] == ("peer-group",)
    if negated and makes:
        return _wipe_neighbor(place, match, negated)
    if not negated and not makes and place.section.mode == "bgp":
        known = place.section.beginning("neighbor", peer)
        if not any(entry.tokens[2] in ("remote-as", "peer-group") for entry in known):
            raise RefusedError("% Specify remote-as or peer-group commands first")
    return plain(place, match, negated)


@hook("wipe_neighbor")
def _wipe_neighbor(place: Place, match: Match, negated: bool) -> Remarks:  # noqa: ARG001 - it is only ever negated
    """What is said of the neighbor in address families goes with it."""
    words = match.tokens[:2]
    families = [entry.body for entry in place.section.entries.values() if entry.body is not None]
    for section in (place.section, *families):
        section.drop_beginning(words)
    return []


def route_map_key(match: Match) -> tuple[str, ...]:
    """An entry of a route map is known by its number; the action may change."""
    return (match.tokens[0], match.tokens[1], match.tokens[3])


@hook("route_map")
def _route_map(place: Place, match: Match, negated: bool) -> Remarks:
    """The number alone tells which entry goes; no manual says what happens when the action differs."""
    key = route_map_key(match)
    if negated:
        place.section.drop(key)
    else:
        place.section.put(match, key=key)
    return []


@hook("passive_interface")
def _passive_interface(place: Place, match: Match, negated: bool) -> Remarks:
    default = place.section.find("passive-interface", "default")
    if match.tokens[1] == "default" or default is None:
        return plain(place, match, negated)
    if negated:
        place.section.put_negated(match)
    else:
        place.section.drop(match.key)
    return []


@hook("generate_rsa")
def _generate_rsa(_place: Place, match: Match, _negated: bool) -> Remarks:
    bits = match.tokens[-1] if match.tokens[-1].isdigit() else "2048"
    return [
        f"% Generating {bits} bit RSA keys, keys will be non-exportable...",
        "[OK] (elapsed time was 1 seconds)",
    ]
