"""All rules, in the order in which their findings are shown, and the one call that applies them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from devices.domain.severity import Severity
from devices.domain.warnings import credentials, lists, network, own_access, own_path, way_back, wording
from devices.domain.warnings.in_between import in_between
from devices.domain.warnings.kinds import Touch, touched_kinds
from devices.domain.warnings.rule import EVERY, IOS_LIKE, WITH_GRAMMAR, Finding, Rule
from devices.domain.warnings.situation import Situation

_SWITCHES: Final = IOS_LIKE | {"cisco_nxos", "arista_eos"}
_LISTS: Final = _SWITCHES | {"cisco_xr"}

RULES: Final = (
    Rule(
        "MANAGEMENT_INTERFACE",
        Severity.CRITICAL,
        "Our own interface",
        "The interface by which Countersign reaches the device goes, is shut down, loses its address, or moves to "
        "another VRF. The session would end in the middle of the change. Make the change from a console, or use a "
        "confirmed commit.",
        EVERY,
        own_path.management_interface,
    ),
    Rule(
        "MANAGEMENT_VLAN",
        Severity.CRITICAL,
        "Our own VLAN",
        "The VLAN of our interface goes or is suspended, or a port that carries it no longer does. If the uplink is "
        "that port, the device cannot be reached. Move the uplink last, and one of two at a time.",
        _SWITCHES,
        own_path.management_vlan,
    ),
    Rule(
        "MANAGEMENT_ACL",
        Severity.CRITICAL,
        "A list before our session",
        "An access list at our interface or before the terminal lines changes so that it drops our session, or may. "
        "The same is told of the control plane's policy, and of filters of Junos at our interface and the loopback. "
        "Put an entry that permits the management network first.",
        _LISTS | {"juniper_junos"},
        own_access.management_acl,
    ),
    Rule(
        "MANAGEMENT_AAA",
        Severity.MAJOR,
        "How we sign in",
        "Lines change that decide who may sign in: AAA, its servers, the terminal lines, the SSH service. Keep a "
        "second session or a local user until a new sign-in has worked.",
        EVERY - {"frr"},
        own_access.management_aaa,
    ),
    Rule(
        "MANAGEMENT_ROUTE",
        Severity.CRITICAL,
        "The route back to us",
        "The static route by which the device answers Countersign changes or goes, or the interface that it leads out "
        "of. It is told only where the address that the device sees us come from is known. Enter the new route before "
        "the old one is taken away.",
        EVERY,
        way_back.management_route,
    ),
    Rule(
        "INTERFACE_SHUTDOWN",
        Severity.MAJOR,
        "An interface that is up is shut down",
        "It is shut down, or an interface with an address or a trunk is removed. Whatever is connected there loses its "
        "link. Look at the port's neighbor and counters, and name who was asked.",
        EVERY,
        network.interface_shutdown,
    ),
    Rule(
        "ACL_ORDER",
        Severity.MAJOR,
        "An entry that never decides",
        "The first entry that fits decides. An entry stands behind one of the other action that matches all of its "
        "packets. Give the entry a lower sequence number.",
        _LISTS,
        lists.acl_order,
    ),
    Rule(
        "ACL_IMPLICIT_DENY",
        Severity.MAJOR,
        "The unwritten end of a list",
        "A list ends with a deny that is not printed. A list in use now drops what it let through. Add the entries "
        "that are missing, or the permit at its end.",
        _LISTS,
        lists.acl_implicit_deny,
    ),
    Rule(
        "ACL_MISSING",
        Severity.CRITICAL,
        "A list that does not exist",
        "An interface, the terminal lines, a neighbor or a class map use a list that is not there, or has no entry, "
        "after the change. Many releases then filter nothing. Take the use away first, or define the list first.",
        _LISTS,
        lists.acl_missing,
    ),
    Rule(
        "ROUTING_PROCESS",
        Severity.CRITICAL,
        "A routing process goes",
        "All neighbors and routes of the process are lost at once. Drain the device first, and keep another path for "
        "our own session.",
        EVERY,
        network.routing_process,
    ),
    Rule(
        "DEFAULT_ROUTE",
        Severity.CRITICAL,
        "The default route changes",
        "All traffic without a better route goes another way, or nowhere. Enter the new route before the old one is "
        "taken away, and test the next hop.",
        EVERY,
        network.default_route,
    ),
    Rule(
        "CREDENTIAL_CHANGE",
        Severity.CRITICAL,
        "A password or key changes",
        "A user, a secret, a community or a key comes, goes or changes. Change it where it is used as well, and in "
        "the credential store.",
        EVERY,
        credentials.credential_change,
    ),
    Rule(
        "DUPLICATE_ADDRESS",
        Severity.CRITICAL,
        "An address that is in use",
        "Another interface in the same VRF has the address already, here or on another device, by its last stored "
        "configuration. Choose another one, or take it away there first.",
        EVERY,
        network.duplicate_address,
    ),
    Rule(
        "NEGATE_THEN_ADD",
        Severity.MAJOR,
        "Taken away and entered again",
        "The device takes line after line: between the two it is without the setting. Most settings are replaced by "
        "entering the new value alone. It is not told where all lines take effect together.",
        WITH_GRAMMAR,
        wording.negate_then_add,
    ),
    Rule(
        "WIDE_NO",
        Severity.MAJOR,
        "One line takes many away",
        "A short “no”, “default” or “delete” takes several settings or a large block along, or a VRF its interfaces' "
        "addresses. Name each line that is to "
        "go, or confirm that all of them are.",
        EVERY,
        wording.wide_no,
    ),
)


@dataclass(frozen=True, slots=True)
class Review:
    """What all rules say about one device: gravest findings first, then in the order of the lines."""

    findings: tuple[Finding, ...]
    touches: tuple[Touch, ...]

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of content that the change touches, for policies."""
        return frozenset(touch.kind.value for touch in self.touches)


def review(situation: Situation) -> Review:
    """Apply every rule that knows the platform. Nothing is raised for content that cannot be understood."""
    found = list(_findings(situation))
    found += _mended(situation, found)
    found.sort(key=lambda finding: (-finding.severity.rank, finding.number or 0))
    return Review(tuple(dict.fromkeys(found)), touched_kinds(situation))


def _mended(situation: Situation, found: Iterable[Finding]) -> Iterator[Finding]:
    """What ends our session in the middle of the change."""
    told = frozenset(one.code for one in found if one.severity is Severity.CRITICAL)
    rules = ((rule.code, _OWN[rule.code]) for rule in RULES if rule.code in _OWN)
    for code, hit in in_between(situation, rules, told):
        line = situation.lines[hit.number - 1] if hit.number else ""
        yield Finding(code, Severity.CRITICAL, hit.sentence, hit.number, line, hit.path)


_OWN: Final = {
    "MANAGEMENT_INTERFACE": own_path.management_interface,
    "MANAGEMENT_VLAN": own_path.management_vlan,
    "MANAGEMENT_ACL": own_access.list_at_our_interface,
    "MANAGEMENT_ROUTE": way_back.management_route,
}
"""The rules by which a session that stands ends; lists before the terminal lines are asked for new ones alone."""


def _findings(situation: Situation) -> Iterator[Finding]:
    for rule in RULES:
        if situation.platform.slug not in rule.platforms:
            continue
        for hit in rule.find(situation):
            severity = hit.severity or rule.severity
            line = situation.lines[hit.number - 1] if hit.number else ""
            yield Finding(rule.code, severity, hit.sentence, hit.number, line, hit.path)
