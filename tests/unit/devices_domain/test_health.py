"""Health as each platform tells it."""

import pytest

from devices.domain.health import PROBES, read_health

IOS_CPU = "CPU utilization for five seconds: 9%/1%; one minute: {}%; five minutes: 8%\n"
IOS_MEMORY = (
    "                Head    Total(b)     Used(b)     Free(b)   Lowest(b)  Largest(b)\n"
    "Processor    3A8B2C0   1000   {}   10   10   10\n      I/O    C000000    67108864    1    1    1    1\n"
)
FLASH = "Directory of flash:/\n\n    1  -rw-  5  x\n\n1000 bytes total ({} bytes free)\n"
NXOS = (
    "Load average:   1 minute: 0.43   5 minutes: 0.60   15 minutes: 0.61\n"
    "CPU states  :   1.01% user,   2.02% kernel,   {}% idle\n"
    "Memory usage:   8156592K total,   7993460K used,   163132K free\n"
)
BOOTFLASH = "Usage for bootflash://sup-local\n   30 bytes used\n  {} bytes free\n  100 bytes total\n"
EOS_TOP = "top - 10:00:00 up 1 day\n%Cpu(s):  2.9 us,  1.5 sy,  0.0 ni, {} id,  0.0 wa\n"
EOS_VERSION = "Arista vEOS\nTotal memory:           2000 kB\nFree memory:            {} kB\n"
XR_CPU = "CPU utilization for one minute: {}%; five minutes: 2%; fifteen minutes: 2%\n"
XR_MEMORY = "Physical Memory: 100M total ({}M available)\n"
JUNOS = "    Memory utilization          {} percent\n    CPU utilization:\n      Idle            3 percent\n"
WATCHFRR = "watchfrr global phase: Idle\n  zebra                Up\n  bgpd                 {}\n"


@pytest.mark.parametrize(
    ("platform", "probe", "answer", "healthy", "said"),
    [
        ("cisco_ios", "cpu", IOS_CPU.format(90), True, "90 % in use"),
        ("cisco_ios", "cpu", IOS_CPU.format(91), False, "more than the limit of 90 %"),
        ("cisco_xe", "memory", IOS_MEMORY.format(940), True, "94 %"),
        ("cisco_xe", "memory", IOS_MEMORY.format(960), False, "96 %"),
        ("cisco_ios", "disk", FLASH.format(400), True, "60 %"),
        ("cisco_ios", "disk", FLASH.format(20), False, "98 %"),
        ("cisco_nxos", "cpu", NXOS.format("96.97"), True, "3 %"),
        ("cisco_nxos", "cpu", NXOS.format("1.00"), False, "99 %"),
        ("cisco_nxos", "memory", NXOS.format("96.97"), False, "98 %"),
        ("cisco_nxos", "disk", BOOTFLASH.format(70), True, "30 %"),
        ("cisco_nxos", "disk", BOOTFLASH.format(1), False, "99 %"),
        ("arista_eos", "cpu", EOS_TOP.format("95.6"), True, "4.4 %"),
        ("arista_eos", "cpu", EOS_TOP.format("4.0"), False, "96 %"),
        ("arista_eos", "memory", EOS_VERSION.format(1000), True, "50 %"),
        ("arista_eos", "memory", EOS_VERSION.format(10), False, "99.5 %"),
        ("arista_eos", "disk", FLASH.format(400), True, "60 %"),
        ("cisco_xr", "cpu", XR_CPU.format(95), False, "95 %"),
        ("cisco_xr", "memory", XR_MEMORY.format(58), True, "42 %"),
        ("juniper_junos", "cpu", JUNOS.format(19), False, "97 %"),
        ("juniper_junos", "memory", JUNOS.format(19), True, "19 %"),
        ("frr", "daemons", WATCHFRR.format("Up"), True, "all 2 are up"),
        ("frr", "daemons", WATCHFRR.format("Down"), False, "bgpd is down"),
    ],
)
def test_each_platform_tells_its_health_in_its_own_words(
    platform: str, probe: str, answer: str, healthy: bool, said: str
) -> None:
    [found] = [read_health(each, answer) for each in PROBES[platform] if each.name == probe]
    assert found.healthy is healthy
    assert said in found.sentence


@pytest.mark.parametrize("platform", sorted(PROBES))
def test_an_answer_that_cannot_be_read_is_neither_well_nor_ill(platform: str) -> None:
    for probe in PROBES[platform]:
        found = read_health(probe, "nothing that anybody knows\n")
        assert found.healthy is None
        assert "not assessed" in found.sentence
