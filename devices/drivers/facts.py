"""Reading `show version`."""

import re
from typing import Final

from devices.drivers.base import DeviceFacts

_HOSTNAME: Final = (
    re.compile(r"^(\S+) uptime is", re.MULTILINE),
    re.compile(r"^\s*Device name: *(\S+)", re.MULTILINE),
    re.compile(r"^FRRouting \S+ \(([^)]+)\)", re.MULTILINE),
)
_SERIAL: Final = (
    re.compile(r"^System serial number\s*: *(\S+)", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^Serial number\s*: *(\S+)", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^\s*Processor board ID (\S+)", re.MULTILINE | re.IGNORECASE),
)
_MODEL: Final = (
    re.compile(r"^Model number\s*: *(\S+)", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^cisco (\S+) .*(?:processor|bytes of memory)", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^\s*cisco (Nexus\S* \S+) chassis", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^Arista (\S+)", re.MULTILINE),
)
_VERSION: Final = (
    re.compile(r"\bVersion ([^\s,]+)"),
    re.compile(r"^\s*NXOS: version (\S+)", re.MULTILINE),
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


def read_facts(show_version: str, prompt_name: str) -> DeviceFacts:
    """The facts in an output of `show version`; what it does not tell is empty.

    EOS tells no hostname there, so the prompt's name stands in.
    """
    return DeviceFacts(
        hostname=_first(_HOSTNAME, show_version) or prompt_name,
        serial=_first(_SERIAL, show_version),
        model=_first(_MODEL, show_version),
        version=_first(_VERSION, show_version),
        os=next((slug for slug, pattern in _OS if pattern.search(show_version)), ""),
    )


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> str:
    return next((found[1] for pattern in patterns if (found := pattern.search(text))), "")
