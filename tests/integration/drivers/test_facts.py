"""`show version` of platforms that the lab does not simulate; outputs are shortened to the lines that tell facts."""

import pytest

from devices.drivers.base import DeviceFacts
from devices.drivers.facts import read_facts

ROUTER = """Cisco IOS Software, ISR Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version 15.5(3)S4, RELEASE SOFTWARE
edge-1 uptime is 3 weeks, 2 days
cisco ISR4331/K9 (1RU) processor with 1795999K/6147K bytes of memory.
Processor board ID FDO21520TGH
"""
SWITCH_XE = """Cisco IOS XE Software, Version 17.09.04a
Cisco IOS Software [Cupertino], Catalyst L3 Switch Software (CAT9K_IOSXE), Version 17.9.4a, RELEASE SOFTWARE (fc3)
core-1 uptime is 1 year
cisco C9300-48P (X86) processor with 1418286K/6147K bytes of memory.
Processor board ID FCW2144G05F
Model Number                       : C9300-48P
System Serial Number               : FCW2144L0AB
"""
CLASSIC = """Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E8, RELEASE SOFTWARE (fc2)
acc-1 uptime is 4 weeks
cisco WS-C2960X-24TD-L (APM86XXX) processor (revision A0) with 524288K bytes of memory.
Processor board ID FOC1
"""
NEXUS = """Cisco Nexus Operating System (NX-OS) Software
  NXOS: version 9.3(10)
  cisco Nexus9000 C93180YC-EX chassis
  Processor Board ID FDO22280FFK
  Device name: leaf-1
"""
ARISTA = """Arista DCS-7050TX-64-R
Hardware version: 01.01
Serial number: JPE15200157
Software image version: 4.27.3F
"""
FRR = "FRRouting 8.4.4 (r1) on Linux(6.1.0).\nCopyright 1996-2005 Kunihiro Ishiguro, et al.\n"


@pytest.mark.parametrize(
    ("output", "facts"),
    [
        (ROUTER, DeviceFacts("edge-1", "FDO21520TGH", "ISR4331/K9", "15.5(3)S4", "cisco_xe")),
        (SWITCH_XE, DeviceFacts("core-1", "FCW2144L0AB", "C9300-48P", "17.09.04a", "cisco_xe")),
        (CLASSIC, DeviceFacts("acc-1", "FOC1", "WS-C2960X-24TD-L", "15.2(7)E8", "cisco_ios")),
        (NEXUS, DeviceFacts("leaf-1", "FDO22280FFK", "Nexus9000 C93180YC-EX", "9.3(10)", "cisco_nxos")),
        (ARISTA, DeviceFacts("prompt", "JPE15200157", "DCS-7050TX-64-R", "4.27.3F", "arista_eos")),
        (FRR, DeviceFacts("r1", "", "", "8.4.4", "frr")),
        ("nothing to see", DeviceFacts("prompt", "", "", "")),
    ],
    ids=["ios", "xe", "classic", "nxos", "eos", "frr", "unknown"],
)
def test_each_platform_tells_its_facts_in_its_own_words(output: str, facts: DeviceFacts) -> None:
    assert read_facts(output, "prompt") == facts
