"""The platforms that the product drives, as data: how they are reached, how they refuse, how their text is cleaned."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from devices.domain.grammar import Grammar
from devices.domain.grammar_ios import IOS_GRAMMAR, XE_GRAMMAR
from devices.domain.grammar_others import EOS_GRAMMAR, FRR_GRAMMAR, NXOS_GRAMMAR, PRINTED_ORDER

_NOTHING = re.compile(r"(?!)")


class BannerStyle(StrEnum):
    """How a platform ends a banner's text."""

    CARET = "caret"
    """IOS: any delimiter is taken, the running configuration shows ``^C``."""
    CHARACTER = "character"
    """NX-OS: the first character after the banner's name, shown as it was typed."""
    EOF = "eof"
    """EOS: a line ``EOF``."""
    SINGLE_LINE = "single-line"
    """FRR and Junos: the text stands on the command line."""


@dataclass(frozen=True, slots=True)
class Platform:
    """One network operating system; every pattern is matched against a single line without its line end.

    ``error_pattern`` is the regular expression that a driver looks for in a device's answer (multi-line mode); its
    group ``words``, if any, is the refusal, otherwise the whole line is;
    ``asks_about`` are lines after which the device asks "[confirm]".
    ``end_line`` is the last line of a complete running configuration, or "" where the platform prints none; there
    ``count_command`` makes the device itself count the lines that it prints.
    ``comments`` are what a comment begins with. ``verbatim`` are headers of texts that end at ``verbatim_end`` and in
    which indentation makes no blocks. ``section_verb`` is what stands before the place in a line, where lines say
    where they belong by themselves. ``first_words``, unless empty, are all that a line of a change may begin with.
    ``predictable`` is False where no rules are known by which a configuration could be predicted: there the device's
    own candidate tells it.
    """

    slug: str
    label: str
    netmiko_type: str
    error_pattern: str
    volatile: re.Pattern[str]
    closers: re.Pattern[str]
    indent: int
    banner: BannerStyle
    grammar: Grammar
    asks_about: re.Pattern[str] = _NOTHING
    end_line: str = "end"
    running_config_command: str = "show running-config"
    save_command: str = "write memory"
    max_line_length: int = 254
    numbered_acl_entries: bool = False
    resequence: str = ""
    has_default: bool = False
    count_command: str = ""
    comments: tuple[str, ...] = ("!",)
    verbatim: re.Pattern[str] = _NOTHING
    verbatim_end: re.Pattern[str] = _NOTHING
    section_verb: re.Pattern[str] = _NOTHING
    first_words: tuple[str, ...] = ()
    predictable: bool = True

    def is_comment(self, text: str) -> bool:
        """Whether a line without its indentation is a comment."""
        return text.startswith(self.comments) and not (text.startswith("!!") and self.predictable)

    def for_version(self, version_line: str) -> "Platform":
        """The platform whose rules hold for a device of this version: inventories call IOS XE "cisco_ios" as well."""
        if self.slug == "cisco_ios" and re.match(r"version (?:1[6-9]|[2-9]\d)\.", version_line):
            return _CISCO_XE
        return self

    def asks_for_confirmation(self, line: str, question: str) -> bool:
        """Whether the device always asks back for this line, so that whoever approved the line approved the answer."""
        return question.rstrip().endswith("[confirm]") and bool(self.asks_about.match(line))

    def rejection(self, answer: str) -> str | None:
        """Return the line in which the device refused a command, or None if the answer holds no refusal."""
        found = re.search(self.error_pattern, answer, re.MULTILINE)
        if found is None:
            return None
        words = found.groupdict().get("words")
        if words:
            return words.strip()
        start = answer.rfind("\n", 0, found.start()) + 1
        end = answer.find("\n", found.end())
        return answer[start : end if end >= 0 else None].strip()


class PlatformUnmappedError(LookupError):
    """A platform name that the product cannot drive; ``known`` lists those that it can."""

    code: ClassVar[str] = "PLATFORM_UNMAPPED"

    def __init__(self, slug: str, known: tuple[str, ...]) -> None:
        super().__init__(f"The platform {slug!r} is not supported. Use one of: {', '.join(known)}.")
        self.slug = slug
        self.known = known


# IOS starts both refusals and remarks with "% "; the remarks below are printed while the line is taken. A line such as
# "%LINK-3-UPDOWN: …" is a log message that happens to be printed at this moment.
_IOS_REMARKS = (
    r"(?:Access VLAN does not exist|Warning|Generating|Applying|Please|The key modulus|Note|Interface \S+ IPv)"
)
_IOS_ERRORS = (
    rf"^\s*% (?!{_IOS_REMARKS})\w[^\n]*"
    r"|^%(?:Invalid|Incomplete|Ambiguous|Unrecognized|Insertion failed|Default VLAN|Error|ERROR)[^\n]*"
    r"|^(?:Command rejected|Error|ERROR)\b[^\n]*"
    r"|^Bad mask [^\n]*|^BGP is already running[^\n]*"
)
_IOS_VOLATILE = re.compile(
    r"Building configuration\b|Current configuration\b|Using \d+ out of \d+ bytes|ntp clock-period \d+$|end$"
)
_IOS_CLOSERS = re.compile(r"^exit(?:-[a-z-]+)?$")

_IOS_ASKS_ABOUT = re.compile(r"\s*no\s+username\s+\S+\s*$")

_CISCO_IOS = Platform(
    slug="cisco_ios",
    label="Cisco IOS",
    netmiko_type="cisco_ios",
    error_pattern=_IOS_ERRORS,
    asks_about=_IOS_ASKS_ABOUT,
    volatile=_IOS_VOLATILE,
    closers=_IOS_CLOSERS,
    indent=1,
    banner=BannerStyle.CARET,
    grammar=IOS_GRAMMAR,
    resequence="ip access-list resequence {name} {start} {step}",
    has_default=True,
)
_CISCO_XE = Platform(
    slug="cisco_xe",
    label="Cisco IOS XE",
    netmiko_type="cisco_xe",
    error_pattern=_IOS_ERRORS,
    asks_about=_IOS_ASKS_ABOUT,
    volatile=_IOS_VOLATILE,
    closers=_IOS_CLOSERS,
    indent=1,
    banner=BannerStyle.CARET,
    grammar=XE_GRAMMAR,
    numbered_acl_entries=True,
    resequence="ip access-list resequence {name} {start} {step}",
    has_default=True,
)
# "% Invalid …" and "ERROR: …" refuse; "Warning: …", "Note: …" and "Please check …" are remarks, and a log message reads
# "2026 Nov 21 13:36:17 leaf-1 %ETHPORT-5-IF_UP: …".
_NXOS_ERRORS = (
    r"^\s*% ?(?:Invalid|Incomplete|Ambiguous|Permission denied|Cannot|Error|Failed|String exceeded|Insufficient|"
    r"Authorization|Unknown|Unable)[^\n]*"
    r"|^\s*(?:ERROR|Error):[^\n]*|^Syntax error [^\n]*|^Cannot [^\n]*|^Command (?:rejected|failed)[^\n]*"
    r"|^(?:Feature|Service) not enabled[^\n]*"
)
# What follows "% " is a refusal unless it is a remark; "%LINEPROTO-5-UPDOWN: …" is a log message.
_EOS_REMARKS = r"(?:Warning|WARNING|Note|Configuration of|Writing|Access VLAN does not exist)"
_EOS_ERRORS = rf"^\s*% (?!{_EOS_REMARKS})[A-Z][^\n]*|^! Failed[^\n]*|^(?:ERROR|Error)\b[^\n]*"
# Log messages read "RP/0/RP0/CPU0:Nov 21 13:36:17.123 UTC: ifmgr[196]: %PKT_INFRA-LINK-3-UPDOWN : …"; "!!% …" is the
# reason that "show configuration failed" gives.
_XR_REMARKS = r"(?:No configuration changes to commit|Confirming commit|Warning|WARNING|Note)"
_XR_ERRORS = rf"^\s*% ?(?!{_XR_REMARKS})[A-Z][^\n]*|^!!% [^\n]*|^(?:ERROR|Error):[^\n]*"
# "warning: statement not found" answers a deletion of what is not there: the line changes nothing, and the diff shows
# nothing of it. Syntax errors come below a caret.
_JUNOS_ERRORS = (
    r"^(?:error: [^\n]*|syntax error\b[^\n]*|unknown command\.[^\n]*|missing argument[^\n]*|invalid (?:value|interface|"
    r"ip|numeric|input|syntax)[^\n]*|permission denied[^\n]*|[^\n]*is ambiguous\.[^\n]*)"
    r"|^\s*\^\s*\n(?P<words>[^\n]+)"
)

_CISCO_NXOS = Platform(
    slug="cisco_nxos",
    label="Cisco NX-OS",
    netmiko_type="cisco_nxos",
    error_pattern=_NXOS_ERRORS,
    volatile=_IOS_VOLATILE,
    closers=_IOS_CLOSERS,
    indent=2,
    banner=BannerStyle.CHARACTER,
    grammar=NXOS_GRAMMAR,
    end_line="",
    count_command="show running-config | count",
    save_command="copy running-config startup-config",
    numbered_acl_entries=True,
    resequence="resequence ip access-list {name} {start} {step}",
)
_ARISTA_EOS = Platform(
    slug="arista_eos",
    label="Arista EOS",
    netmiko_type="arista_eos",
    error_pattern=_EOS_ERRORS,
    volatile=_IOS_VOLATILE,
    closers=_IOS_CLOSERS,
    indent=3,
    banner=BannerStyle.EOF,
    grammar=EOS_GRAMMAR,
    numbered_acl_entries=True,
    has_default=True,
)
# Of FRRouting 8.4's answers that begin with "% ", these are remarks: the line was taken.
_FRR_REMARKS = r"(?:OSPF: Reference bandwidth|New range will|Changes will be|Warning:|WARNING:)"
_FRR = Platform(
    slug="frr",
    label="FRRouting",
    netmiko_type="cisco_ios",
    error_pattern=rf"^% (?!{_FRR_REMARKS})[^\n]*|^BGP is already[^\n]*|^Must remove[^\n]*",
    volatile=_IOS_VOLATILE,
    closers=re.compile(r"^(?:exit|exit-[a-z-]+|quit)$"),
    indent=1,
    banner=BannerStyle.SINGLE_LINE,
    grammar=FRR_GRAMMAR,
)
_CISCO_XR = Platform(
    slug="cisco_xr",
    label="Cisco IOS XR",
    netmiko_type="cisco_xr",
    error_pattern=_XR_ERRORS,
    volatile=re.compile(r"Building configuration\b|!|end$"),
    closers=re.compile(r"^(?:exit|root)$"),
    indent=1,
    banner=BannerStyle.CHARACTER,
    grammar=PRINTED_ORDER,
    max_line_length=400,
    verbatim=re.compile(
        r"(?:route-policy|prefix-set|as-path-set|community-set|extcommunity-set|large-community-set|rd-set|ospf-area-set|"
        r"tag-set|etag-set|mac-set|esi-set|policy-global)\b"
    ),
    verbatim_end=re.compile(r"end-(?:policy|set|global)$"),
    predictable=False,
)
_JUNIPER_JUNOS = Platform(
    slug="juniper_junos",
    label="Juniper Junos",
    netmiko_type="juniper_junos",
    error_pattern=_JUNOS_ERRORS,
    volatile=_NOTHING,
    closers=_NOTHING,
    indent=0,
    banner=BannerStyle.SINGLE_LINE,
    grammar=PRINTED_ORDER,
    end_line="",
    running_config_command="show configuration | display set | no-more",
    count_command="show configuration | display set | count",
    max_line_length=400,
    comments=("#", "/*"),
    section_verb=re.compile(r"(?:set|deactivate|protect) "),
    first_words=(
        "set",
        "delete",
        "deactivate",
        "activate",
        "protect",
        "unprotect",
        "insert",
        "rename",
        "copy",
    ),
    predictable=False,
)

PLATFORMS: dict[str, Platform] = {
    platform.slug: platform
    for platform in (_CISCO_IOS, _CISCO_XE, _CISCO_NXOS, _CISCO_XR, _ARISTA_EOS, _JUNIPER_JUNOS, _FRR)
}


def platform_for(slug: str) -> Platform:
    """Look a platform up by its slug, which is also what the inventory stores.

    Raises:
        PlatformUnmappedError: the product cannot drive it.
    """
    try:
        return PLATFORMS[slug]
    except KeyError:
        raise PlatformUnmappedError(slug, tuple(PLATFORMS)) from None
