"""Does a feature's configuration say what it must? netutils compares; what it takes too easily is guarded here.

Guarded, because netutils 1.19 answers "compliant" or the wrong lines without a word:

- an empty section selects the whole configuration, and a section of blanks selects every line: refused;
- sections are matched by their first letters, so that ``interface Gi1/0/1`` takes ``Gi1/0/10`` too: matched by words;
- intended lines outside the section are dropped, and the rest passes: refused;
- texts that differ in blanks, order of interfaces or "!" differ: both are compared in normal form;
- an unknown platform is a KeyError: *not assessed*.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from netutils.config.compliance import feature_compliance, parser_map

from devices.domain.config_text import normalise, parse, render, tidy
from devices.domain.config_tree import Node
from devices.domain.platforms import PLATFORMS, Platform

# FRR and IOS XE print what the IOS parser reads.
_NETWORK_OS: Final = {"cisco_xe": "cisco_ios", "frr": "cisco_ios", "cisco_xr": "cisco_iosxr"}

NO_CONFIG: Final = "COMPLIANCE_NO_CONFIG"
UNSUPPORTED: Final = "COMPLIANCE_PLATFORM_UNSUPPORTED"
NOT_APPLICABLE: Final = "COMPLIANCE_NOT_APPLICABLE"
UNREADABLE: Final = "COMPLIANCE_UNREADABLE"
ORDER_DIFFERS: Final = "COMPLIANCE_ORDER_DIFFERS"
LINES_DIFFER: Final = "COMPLIANCE_LINES_DIFFER"


class ComplianceState(StrEnum):
    """What a rule found; *not assessed* counts neither for nor against a score."""

    COMPLIANT = "compliant"
    NOT_COMPLIANT = "not_compliant"
    NOT_ASSESSED = "not_assessed"

    @property
    def label(self) -> str:
        """The state as people read it."""
        return self.value.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Feature:
    """What a rule asks for. ``section`` are the first words of top-level lines; ``intended`` the lines as they must be.

    Without ``intended`` no line of the section may be there.
    """

    name: str
    section: tuple[str, ...]
    intended: str
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Assessment:
    """The finding; ``missing`` and ``extra`` are configuration lines with the blocks they stand in."""

    state: ComplianceState
    code: str = ""
    missing: str = ""
    extra: str = ""


def not_assessed(code: str) -> Assessment:
    """No finding, and why."""
    return Assessment(ComplianceState.NOT_ASSESSED, code)


def is_supported(platform: str) -> bool:
    """Whether configurations of this platform can be compared by feature."""
    return platform in PLATFORMS and _network_os(platform) in parser_map


def _network_os(platform: str) -> str:
    return _NETWORK_OS.get(platform, platform)


def feature_problems(feature: Feature, platform: str) -> list[str]:
    """Sentences about what is wrong with a rule; empty when it can be used."""
    if not is_supported(platform):
        return ["Configurations of this platform cannot be compared by feature."]
    if not feature.section or any(not head.strip() for head in feature.section):
        return ["Name at least one section: the first words of the feature's top-level lines, such as “ntp server”."]
    root = _tree(feature.intended, PLATFORMS[platform])
    outside = [node.text for node in root.children if not _belongs(node, feature.section)]
    if outside:
        return [f"“{outside[0][:80]}” belongs to none of the sections, so it would never be compared. Add its section."]
    return []


def assess(feature: Feature, config: str, platform: Platform) -> Assessment:
    """Compare a feature of a configuration with what is intended."""
    if not is_supported(platform.slug):
        return not_assessed(UNSUPPORTED)
    actual = _section_text(config, feature.section, platform)
    intended = _section_text(feature.intended, feature.section, platform)
    asked = {"name": feature.name, "ordered": feature.ordered, "section": list(feature.section)}
    try:
        found = feature_compliance(asked, actual.strip(), intended.strip(), _network_os(platform.slug))  # type: ignore[arg-type]
    except (ValueError, LookupError, TypeError, AttributeError, StopIteration):
        # Its parser stumbles over texts that it does not expect; that says nothing about the device.
        return not_assessed(UNREADABLE)
    missing, extra = str(found["missing"] or ""), str(found["extra"] or "")
    if found["compliant"]:
        return Assessment(ComplianceState.COMPLIANT)
    code = LINES_DIFFER if missing or extra else ORDER_DIFFERS
    return Assessment(ComplianceState.NOT_COMPLIANT, code, missing, extra)


def _section_text(text: str, section: Sequence[str], platform: Platform) -> str:
    root = _tree(text, platform)
    root.children = [node for node in root.children if _belongs(node, section)]
    return render(root, platform)


def _tree(text: str, platform: Platform) -> Node:
    return tidy(parse(normalise(text, platform), platform), platform.grammar)


def _belongs(node: Node, section: Sequence[str]) -> bool:
    """By whole words: ``ntp server`` takes ``ntp server 192.0.2.1`` and not ``ntp server-key``."""
    return any(node.text == head or node.text.startswith(f"{head} ") for head in (item.strip() for item in section))
