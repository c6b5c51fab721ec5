"""Reading what a device says about itself: `show version`, and where that does not tell the serial number, more."""

import re
from typing import Final

from devices.drivers.base import DeviceFacts

_HOSTNAME: Final = (
    re.compile(r"^(?!System\b)(\S+) uptime is", re.MULTILINE),
    re.compile(r"^Hostname: *(\S+)", re.MULTILINE),
    re.compile(r"^\s*Device name: *(\S+)", re.MULTILINE),
    re.compile(r"^FRRouting \S+ \(([^)]+)\)", re.MULTILINE),
)
_SERIAL: Final = (
    re.compile(r"^NAME: \"(?:Rack 0|[Cc]hassis)[^\n]*\nPID:[^\n]*\bSN: *(\S+)", re.MULTILINE),
    re.compile(r"^System serial number\s*: *(\S+)", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^Serial number\s*: *(\S+)", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^\s*Processor board ID (\S+)", re.MULTILINE | re.IGNORECASE),
)
_MODEL: Final = (
    re.compile(r"^NAME: \"(?:Rack 0|[Cc]hassis)[^\n]*\nPID: *(\S+)", re.MULTILINE),
    re.compile(r"^Model: *(\S+)", re.MULTILINE),
    re.compile(r"^Model number\s*: *(\S+)", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^cisco (\S+) .*(?:processor|bytes of memory)", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^\s*cisco (Nexus\S* \S+) chassis", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^Arista (\S+)", re.MULTILINE),
)
_VERSION: Final = (
    re.compile(r"^\s*NXOS: version (\S+)", re.MULTILINE),
    re.compile(r"^\s*system: +version (\S+)", re.MULTILINE),
    re.compile(r"^Junos: *(\S+)", re.MULTILINE),
    re.compile(r"^JUNOS [^\n\[]*\[([^\]\n]+)\]", re.MULTILINE),
    re.compile(r"\bVersion ([^\s,\[]+)"),
    re.compile(r"^Software image version: *(\S+)", re.MULTILINE),
    re.compile(r"^FRRouting (\S+)", re.MULTILINE),
)
# The first that fits counts: IOS XE and XR call themselves IOS, too.
_OS: Final = (
    ("cisco_nxos", re.compile(r"\bNX-OS\b|^Cisco Nexus", re.MULTILINE)),
    ("cisco_xr", re.compile(r"\bIOS[ -]XR\b")),
    (
        "cisco_xe",
        re.compile(r"\bIOS[ -]XE\b|\bCisco IOS Software\b[^\n]*(?:LINUX_IOSD|IOSXE|Version (?:1[6-9]|[2-9]\d)\.)"),
    ),
    ("cisco_ios", re.compile(r"\bCisco (?:IOS|Internetwork Operating System)\b")),
    ("arista_eos", re.compile(r"^Arista\b|\bEOS\b", re.MULTILINE)),
    ("juniper_junos", re.compile(r"\bJunos\b", re.IGNORECASE)),
    ("frr", re.compile(r"^FRRouting\b", re.MULTILINE)),
)


_MORE: Final = {"cisco_xr": ("show inventory",), "juniper_junos": ("show chassis hardware",)}
_CHASSIS: Final = re.compile(r"^Item +Version +Part number +(?=(?P<head>Serial number +Description))", re.MULTILINE)


def fact_commands(platform: str) -> tuple[str, ...]:
    """The commands whose outputs tell a platform's facts; `show version` is the first."""
    return ("show version", *_MORE.get(platform, ()))


def read_facts(show_version: str, prompt_name: str, *more: str) -> DeviceFacts:
    """The facts in an output of `show version` and others; what they do not tell is empty.

    EOS and IOS XR tell no hostname there, so the prompt's name stands in: "RP/0/RP0/CPU0:r1" names r1.
    """
    text = "\n".join((show_version, *more))
    return DeviceFacts(
        hostname=_first(_HOSTNAME, show_version) or prompt_name.rpartition(":")[2].rpartition("@")[2],
        serial=_first(_SERIAL, text) or _junos_serial(text),
        model=_first(_MODEL, text),
        version=_first(_VERSION, show_version),
        os=next((slug for slug, pattern in _OS if pattern.search(show_version)), ""),
    )


def _junos_serial(text: str) -> str:
    """The chassis' serial number, by the place of its column: the columns before it are mostly empty."""
    head = _CHASSIS.search(text)
    row = re.search(r"^Chassis .*$", text, re.MULTILINE)
    if head is None or row is None:
        return ""
    column = head.end() - head.start()
    width = head["head"].index("Description")
    return row[0][column : column + width].strip()


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> str:
    return next((found[1] for pattern in patterns if (found := pattern.search(text))), "")
