"""Checks that are ready to use, per platform. They are ordinary checks: whoever takes one may change it.

``tried`` says on what each was run before it was listed; the others are written from the vendors' documents and from
the samples of ntc-templates, and docs/checks.md says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from changes.domain.check_expectations import Expectation, Parser
from changes.domain.checks import Check

ADDRESS: Final = "<address>"
"""Stands in a command where its writer must put an address; a check that still holds it is refused."""


class Tried(StrEnum):
    """Where a check of the library was run, and judged by what the device really did."""

    FRR = "FRRouting 8.4.4"
    IOS_LAB = "the IOS-like lab"
    NOWHERE = ""


class When(StrEnum):
    """When a check makes sense: a comparison with before only after the change."""

    ANY = "any"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class LibraryCheck:
    """One check of the library; ``key`` is stable."""

    key: str
    platforms: tuple[str, ...]
    about: str
    check: Check
    tried: Tried = Tried.NOWHERE

    @property
    def when(self) -> When:
        """When it can be used."""
        return When.AFTER if self.check.compares or self.check.hold_s else When.ANY

    @property
    def placeholder(self) -> str:
        """What its writer must replace in the command, or ""."""
        return ADDRESS if ADDRESS in self.check.command else ""

    def to_json(self) -> dict[str, object]:
        """As the API gives it; ``check`` can be put into a change as it is, unless ``placeholder`` says otherwise."""
        return {
            "key": self.key,
            "platforms": list(self.platforms),
            "about": self.about,
            "when": self.when.value,
            "placeholder": self.placeholder,
            "tried": self.tried.value,
            "check": self.check.to_json(),
        }


_E = Expectation
_P = Parser
_IOS = ("cisco_ios", "cisco_xe")
BGP: Final = "BGP neighbours established: not fewer than before"
_BGP_ABOUT = (
    "Counts the established IPv4 sessions before the first line and after the change. The count must stay up for ten"
    " seconds; where sessions have longer hold times, let it hold longer."
)
OSPF: Final = "OSPF neighbours full: not fewer than before"
_OSPF_ABOUT = "Counts the full adjacencies before the first line and after the change; the count must stay up."
UP: Final = "Interfaces up: not fewer than before"
_UP_ABOUT = "Counts the interfaces that are up before the first line and after the change."
NTP: Final = "NTP synchronised"
_NTP_ABOUT = "The clock is synchronised. Minutes can pass after a change of servers: give it time."
LOG: Final = "No new errors in the log"
_LOG_ABOUT = "Counts messages of severity 0 to 3 before and after. A log that has wrapped counts fewer, and passes."
CPU: Final = "CPU below 80 %"
_CPU_ABOUT = "The five-minute average of the CPU."
ROUTE: Final = "Route to an address"
_ROUTE_ABOUT = "The routing table has a route to the address, if only the default route."


def _bgp(command: str, parser: Parser, select: str, template: str = "", filter: str = "") -> Check:  # noqa: A002 - as in Check
    return Check(BGP, command, _E.NOT_FEWER_THAN_BEFORE, "", 60, parser, select, template, filter, hold_s=10)


def _ospf(command: str, parser: Parser, select: str, template: str = "", filter: str = "") -> Check:  # noqa: A002 - as in Check
    return Check(OSPF, command, _E.NOT_FEWER_THAN_BEFORE, "", 60, parser, select, template, filter, hold_s=10)


def _up(command: str, parser: Parser, select: str, template: str = "", filter: str = "") -> Check:  # noqa: A002 - as in Check
    return Check(UP, command, _E.NOT_FEWER_THAN_BEFORE, "", 30, parser, select, template, filter)


_FRR: Final = (
    LibraryCheck(
        "frr-bgp-not-fewer", ("frr",), _BGP_ABOUT,
        _bgp("show ip bgp summary json", _P.JSON, "$.ipv4Unicast.peers[?@.state=='Established']"), Tried.FRR,
    ),
    LibraryCheck(
        "frr-bgp-all", ("frr",), "Every IPv4 session is established, and there is at least one.",
        Check(
            "All BGP neighbours established", "show ip bgp summary json", _E.ALL_MATCH, "^Established$", 60,
            _P.JSON, "$.ipv4Unicast.peers.*.state",
        ), Tried.FRR,
    ),
    LibraryCheck(
        "frr-routes-near", ("frr",), "The routing table has as many routes as before, give or take ten percent.",
        Check(
            "Routes within 10 % of before", "show ip route summary json", _E.NUMBER_NEAR_BEFORE, "", 60,
            _P.JSON, "$.routesTotal", tolerance="10%", hold_s=10,
        ), Tried.FRR,
    ),
    LibraryCheck(
        "frr-ospf-not-fewer", ("frr",), _OSPF_ABOUT,
        _ospf("show ip ospf neighbor json", _P.JSON, "$.neighbors.*[?match(@.state,'Full.*')]"), Tried.FRR,
    ),
    LibraryCheck(
        "frr-interfaces-up", ("frr",), _UP_ABOUT,
        _up("show interface brief json", _P.JSON, "$[?@.status=='up']"), Tried.FRR,
    ),
    LibraryCheck(
        "frr-daemons-up", ("frr",), "watchfrr sees every daemon up.",
        Check("Daemons up", "show watchfrr", _E.ALL_MATCH, "^Up$", 30, _P.REGEX, r"^  \w+ +(\w+)"), Tried.FRR,
    ),
    LibraryCheck(
        "frr-route", ("frr",), _ROUTE_ABOUT,
        Check(
            ROUTE, f"show ip route {ADDRESS} json", _E.COUNT_AT_LEAST, "1", 30, _P.JSON, "$.*[?@.selected==true]",
        ), Tried.FRR,
    ),
)  # fmt: skip

_CISCO_IOS: Final = (
    LibraryCheck(
        "ios-interfaces-up", _IOS, _UP_ABOUT,
        _up(
            "show ip interface brief", _P.TEXTFSM, "proto", template="cisco_ios_show_ip_interface_brief", filter="^up$"
        ), Tried.IOS_LAB,
    ),
    LibraryCheck(
        "ios-ntp", _IOS, _NTP_ABOUT,
        Check(NTP, "show ntp status", _E.REGEX, "^Clock is synchronized", 300), Tried.IOS_LAB,
    ),
    LibraryCheck(
        "ios-log", _IOS, _LOG_ABOUT,
        Check(
            LOG, "show logging", _E.NOT_MORE_THAN_BEFORE, "", 30, _P.REGEX, r"%[A-Z0-9_]+-[0-3]-[A-Z0-9_]+:",
        ),
    ),
    LibraryCheck(
        "ios-cpu", _IOS, _CPU_ABOUT,
        Check(
            CPU, "show processes cpu | include CPU utilization", _E.NUMBER_BELOW, "80", 30,
            _P.REGEX, r"five minutes: (\d+)%",
        ), Tried.IOS_LAB,
    ),
    LibraryCheck(
        "ios-memory", _IOS, "The processor pool has more than 20,000,000 bytes free. Choose the figure for your model.",
        Check(
            "Memory free", "show memory statistics", _E.NUMBER_ABOVE, "20000000", 30,
            _P.REGEX, r"^Processor\s+\S+\s+\d+\s+\d+\s+(\d+)",
        ), Tried.IOS_LAB,
    ),
    LibraryCheck(
        "ios-bgp-not-fewer", _IOS, _BGP_ABOUT,
        _bgp(
            "show ip bgp summary", _P.TEXTFSM, "state_or_prefixes_received",
            template="cisco_ios_show_ip_bgp_summary", filter=r"^\d+$",
        ),
    ),
    LibraryCheck(
        "ios-ospf-not-fewer", _IOS, _OSPF_ABOUT,
        _ospf(
            "show ip ospf neighbor", _P.TEXTFSM, "state", template="cisco_ios_show_ip_ospf_neighbor", filter="^FULL"
        ),
    ),
    LibraryCheck(
        "ios-route", _IOS, _ROUTE_ABOUT,
        Check(ROUTE, f"show ip route {ADDRESS}", _E.CONTAINS, "Routing entry for", 30),
    ),
)  # fmt: skip

_NXOS: Final = (
    LibraryCheck(
        "nxos-bgp-not-fewer", ("cisco_nxos",), _BGP_ABOUT,
        _bgp(
            "show ip bgp summary", _P.TEXTFSM, "state_pfxrcd",
            template="cisco_nxos_show_ip_bgp_summary", filter=r"^\d+$",
        ),
    ),
    LibraryCheck(
        "nxos-ospf-not-fewer", ("cisco_nxos",), _OSPF_ABOUT,
        _ospf(
            "show ip ospf neighbor", _P.TEXTFSM, "state", template="cisco_nxos_show_ip_ospf_neighbor", filter="^FULL"
        ),
    ),
    LibraryCheck(
        "nxos-interfaces-up", ("cisco_nxos",), _UP_ABOUT,
        _up(
            "show interface brief", _P.TEXTFSM, "status", template="cisco_nxos_show_interface_brief", filter="^up$"
        ),
    ),
    LibraryCheck(
        "nxos-log", ("cisco_nxos",), _LOG_ABOUT,
        Check(
            LOG, "show logging logfile", _E.NOT_MORE_THAN_BEFORE, "", 30, _P.REGEX, r"%[A-Z0-9_]+-[0-3]-[A-Z0-9_]+:"
        ),
    ),
)  # fmt: skip

_EOS: Final = (
    LibraryCheck(
        "eos-bgp-not-fewer", ("arista_eos",), _BGP_ABOUT,
        _bgp(
            "show ip bgp summary", _P.TEXTFSM, "state", template="arista_eos_show_ip_bgp_summary", filter="^Estab"
        ),
    ),
    LibraryCheck(
        "eos-ospf-not-fewer", ("arista_eos",), _OSPF_ABOUT,
        _ospf(
            "show ip ospf neighbor", _P.TEXTFSM, "state", template="arista_eos_show_ip_ospf_neighbor", filter="^FULL"
        ),
    ),
    LibraryCheck(
        "eos-interfaces-up", ("arista_eos",), _UP_ABOUT,
        _up(
            "show interfaces status", _P.TEXTFSM, "status",
            template="arista_eos_show_interfaces_status", filter="^connected$",
        ),
    ),
    LibraryCheck(
        "eos-ntp", ("arista_eos",), _NTP_ABOUT, Check(NTP, "show ntp status", _E.REGEX, "^synchronised", 300),
    ),
)  # fmt: skip

_OTHERS: Final = (
    LibraryCheck(
        "xr-ospf-not-fewer", ("cisco_xr",), _OSPF_ABOUT,
        _ospf("show ospf neighbor", _P.TEXTFSM, "state", template="cisco_xr_show_ospf_neighbor", filter="^FULL"),
    ),
    LibraryCheck(
        "xr-interfaces-up", ("cisco_xr",), _UP_ABOUT,
        _up(
            "show ip interface brief", _P.TEXTFSM, "proto", template="cisco_xr_show_ip_interface_brief", filter="^Up$"
        ),
    ),
    LibraryCheck(
        "junos-bgp-not-fewer", ("juniper_junos",), _BGP_ABOUT,
        _bgp(
            "show bgp summary", _P.TEXTFSM, "state", template="juniper_junos_show_bgp_summary", filter=r"^(Establ|\d)"
        ),
    ),
    LibraryCheck(
        "junos-ospf-not-fewer", ("juniper_junos",), _OSPF_ABOUT,
        _ospf("show ospf neighbor", _P.TEXTFSM, "state", template="juniper_junos_show_ospf_neighbor", filter="^Full"),
    ),
)  # fmt: skip

LIBRARY: Final = (*_FRR, *_CISCO_IOS, *_NXOS, *_EOS, *_OTHERS)


@cache
def library_checks() -> Mapping[str, LibraryCheck]:
    """Every check of the library by its key, in the order of the platforms."""
    return {entry.key: entry for entry in LIBRARY}
