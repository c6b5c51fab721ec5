"""Which class a drift belongs to: ordered rules, matched by RE2, so that no pattern can take for ever."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import re2

from devices.domain.drift import Change

UNCLASSIFIED: Final = "DRIFT_UNCLASSIFIED"
MAX_PATTERN: Final = 400
MAX_RULES: Final = 200
_SEPARATOR: Final = " / "


class DriftClass(StrEnum):
    """How much a drift matters."""

    CRITICAL = "critical"
    FUNCTIONAL = "functional"
    COSMETIC = "cosmetic"

    @property
    def label(self) -> str:
        """The class as people read it."""
        return self.value.capitalize()


_RANK: Final = {DriftClass.CRITICAL: 0, DriftClass.FUNCTIONAL: 1, DriftClass.COSMETIC: 2}


class PatternError(ValueError):
    """A pattern that RE2 cannot read; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; ``platforms`` empty means all."""

    name: str
    drift_class: DriftClass
    pattern: str
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """Lines of one section that one rule classed; ``rule`` "" where none fitted."""

    rule: str
    drift_class: DriftClass
    section: str
    lines: int

    @property
    def code(self) -> str:
        """``DRIFT_UNCLASSIFIED`` where no rule fitted."""
        return "" if self.rule else UNCLASSIFIED


@dataclass(frozen=True, slots=True)
class Classified:
    """A drift's class is the gravest of its lines'."""

    drift_class: DriftClass
    matches: tuple[Match, ...]

    @property
    def unclassified(self) -> bool:
        """Whether some line fitted no rule."""
        return any(not match.rule for match in self.matches)


def compiled(pattern: str) -> Any:  # noqa: ANN401 - re2 has no types
    """The pattern, ready to search.

    Raises:
        PatternError: it is empty, too long, or not RE2.
    """
    if not pattern.strip():
        raise PatternError("Write a pattern. A dot fits every line.")
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"The pattern is longer than {MAX_PATTERN} characters. Split the rule.")
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error.args[0])
        raise PatternError(
            f"RE2 cannot read this pattern: {said}. Look-around and back-references do not exist."
        ) from None


class Ruleset:
    """Rules compiled once, asked for many drifts."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [(rule, compiled(rule.pattern)) for rule in rules]

    def classify(self, changes: Iterable[Change], platform: str) -> Classified:
        """Class every changed line by the first rule that fits it; a line that fits none is functional."""
        rules = [(rule, found) for rule, found in self._rules if not rule.platforms or platform in rule.platforms]
        counted: Counter[tuple[str, DriftClass, str]] = Counter()
        for change in changes:
            text = line_of(change)
            rule = next((rule for rule, pattern in rules if pattern.search(text)), None)
            name, drift_class = (rule.name, rule.drift_class) if rule else ("", DriftClass.FUNCTIONAL)
            counted[name, drift_class, _section(change)] += 1
        matches = sorted(
            (Match(name, drift_class, section, lines) for (name, drift_class, section), lines in counted.items()),
            key=lambda match: (_RANK[match.drift_class], match.section, match.rule),
        )
        gravest = min((match.drift_class for match in matches), key=_RANK.__getitem__, default=DriftClass.COSMETIC)
        return Classified(gravest, tuple(matches))


def line_of(change: Change) -> str:
    """What a pattern is searched in: the headers around a line and the line, ``interface Vlan10 / shutdown``."""
    return _SEPARATOR.join((*change.path, change.line.partition("\n")[0]))


def _section(change: Change) -> str:
    """The block that a line stands in, or the line's first two words: enough to recognise it, not to tell a secret."""
    return change.path[0] if change.path else " ".join(change.line.split()[:2])


_C, _F, _K = DriftClass.CRITICAL, DriftClass.FUNCTIONAL, DriftClass.COSMETIC

DEFAULT_RULES: Final = (
    Rule("Remarks", _K, r"(^| / )(access-list \S+ )?(\d+ )?remark( |$)"),
    Rule("Descriptions", _K, r" / (no )?description( |$)"),
    Rule("Banners", _K, r"^banner "),
    Rule("AAA", _C, r"^(no )?(aaa|tacacs|tacacs-server|radius|radius-server|ip tacacs|ip radius)( |$)"),
    Rule("Users and passwords", _C, r"^(no )?(username|user|role|enable (secret|password)|password|login)( |$)"),
    Rule("SNMP", _C, r"^(no )?snmp"),
    Rule("Access lists", _C, r"^(no )?(ip |ipv6 |mac )?(access-list|prefix-list)( |$)"),
    Rule("Access lists in use", _C, r"(^| / )(no )?(ip |ipv6 )?(access-group|access-class|traffic-filter)( |$)"),
    Rule("Crypto and keys", _C, r"^(no )?(crypto|key chain|ip ssh|ssh|security|macsec)( |$)|(^| / )(\S+ )?key( |$)"),
    Rule("Logging", _C, r"^(no )?(logging|archive|syslog)( |$)"),
    Rule("Management lines", _C, r"^(line|management|control-plane)( |$)"),
    Rule("Management services", _C, r"^(no )?(ip http|telnet|feature (telnet|ssh|nxapi)|netconf|restconf)"),
    Rule("Interfaces", _F, r"^(no )?interface "),
    Rule("Routing", _F, r"^(no )?(router |ip route|ipv6 route|route-map |vrf |ip vrf|ip routing|ip forward|bfd|mpls)"),
    Rule("VLANs and switching", _F, r"^(no )?(vlan |vtp |spanning-tree|lldp|cdp|errdisable|port-channel)"),
    Rule("Name, time and name service", _F, r"^(no )?(hostname|ntp |clock |ip name-server|ip domain|sntp)"),
)  # fmt: skip
"""What a new installation starts with. Administrators change it on the page of the rules."""
