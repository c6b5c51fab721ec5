"""The outputs of show commands. Each function takes the machine and the matched command and gives the text."""

import hashlib
import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Final

from devices.lab.ios.compare import differences
from devices.lab.ios.errors import RefusedError
from devices.lab.ios.grammar import Match
from devices.lab.ios.machine import IosMachine
from devices.lab.ios.params import interface_type
from devices.lab.ios.render import body_lines
from devices.lab.ios.tree import Entry

Output = Callable[[IosMachine, Match], str]
OUTPUTS: Final[dict[str, Output]] = {}
_FLASH: Final = 2142715904
_MEMORY: Final = 447758520
_SHORT: Final = {
    "FastEthernet": "Fa",
    "GigabitEthernet": "Gi",
    "TenGigabitEthernet": "Te",
    "TwentyFiveGigE": "Twe",
    "FortyGigabitEthernet": "Fo",
    "HundredGigE": "Hu",
    "Port-channel": "Po",
}


def _output(name: str) -> Callable[[Output], Output]:
    """Register what `exec_rules` calls by this name."""

    def register(function: Output) -> Output:
        OUTPUTS[name] = function
        return function

    return register


def _stamp(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC {moment:%a %b} {moment.day} {moment.year}"


@_output("show_running")
def _running(machine: IosMachine, _match: Match) -> str:
    by = f" by {machine.changed_by}" if machine.changed_by else ""
    head = ["!", f"! Last configuration change at {_stamp(machine.changed)}{by}"]
    if machine.saved is not None:
        head.append(f"! NVRAM config last updated at {_stamp(machine.saved)}")
    text = "\n".join(head) + "\n" + machine.running_text()
    return f"Building configuration...\n\nCurrent configuration : {len(text)} bytes\n{text}"


@_output("show_running_interface")
def _running_interface(machine: IosMachine, match: Match) -> str:
    entry = machine.running.root.find("interface", match.tokens[3])
    if entry is None:
        raise RefusedError("% Invalid interface")
    text = "\n".join(["!", entry.text, *body_lines(entry), "end", ""])
    return f"Building configuration...\n\nCurrent configuration : {len(text)} bytes\n{text}"


@_output("show_startup")
def _startup(machine: IosMachine, _match: Match) -> str:
    return f"Using {len(machine.startup)} out of 2097152 bytes\n{machine.startup}"


@_output("show_version")
def _version(machine: IosMachine, _match: Match) -> str:
    hardware = machine.hardware
    up = int((machine.clock() - machine.booted).total_seconds()) // 60
    family = hardware.model.split("-")[1] if "-" in hardware.model else hardware.model
    title = (
        "Cisco IOS Software [Cupertino], Catalyst L3 Switch Software (CAT9K_LITE_IOSXE)"
        if hardware.family == "xe"
        else f"Cisco IOS Software, {family} Software ({family}-UNIVERSALK9-M)"
    )
    vlans = sum("Vlan" in entry.tokens[1] for entry in _interfaces(machine))
    return f"""{title}, Version {hardware.software}, RELEASE SOFTWARE (fc2)
Technical Support: http://www.cisco.com/techsupport
(a simulated device of the Countersign lab)

ROM: Bootstrap program is a simulation
{machine.hostname} uptime is {up // 60} hours, {up % 60} minutes
System returned to ROM by power-on
System image file is "flash:/simulated-universalk9-mz.bin"
Last reload reason: Reload command

cisco {hardware.model} (APM86XXX) processor (revision A0) with 524288K bytes of memory.
Processor board ID {machine.serial}
{vlans} Virtual Ethernet interfaces
{len(hardware.interfaces)} Gigabit Ethernet interfaces

Model number                    : {hardware.model}
System serial number            : {machine.serial}

Configuration register is 0xF
"""


@_output("show_inventory")
def _inventory(machine: IosMachine, _match: Match) -> str:
    model = machine.hardware.model
    return f'NAME: "1", DESCR: "{model}"\nPID: {model:<17} , VID: V02  , SN: {machine.serial}\n\n'


@_output("show_clock")
def _clock(machine: IosMachine, _match: Match) -> str:
    now = machine.clock()
    return f"{now:%H:%M:%S}.{now.microsecond // 1000:03d} UTC {now:%a %b} {now.day} {now.year}\n"


@_output("show_ntp_associations")
def _ntp_associations(machine: IosMachine, _match: Match) -> str:
    lines = ["", "  address         ref clock       st   when   poll reach  delay  offset   disp"]
    for index, server in enumerate(_ntp_servers(machine)):
        mark = "*" if index == 0 else "+"
        lines.append(f"{mark}~{server:<16}.GNSS.           1     23     64   377  1.{index:03d}   0.120  1.020")
    lines.append(" * sys.peer, # selected, + candidate, - outlyer, x falseticker, ~ configured")
    return "\n".join([*lines, ""])


def _ntp_servers(machine: IosMachine) -> list[str]:
    """Preferred servers first."""
    entries = sorted(machine.running.root.beginning("ntp", "server"), key=lambda e: "prefer" not in e.tokens)
    return [entry.tokens[4] if entry.tokens[2] == "vrf" else entry.tokens[2] for entry in entries]


@_output("show_ntp_status")
def _ntp_status(machine: IosMachine, _match: Match) -> str:
    servers = _ntp_servers(machine)
    if not servers:
        return "Clock is unsynchronized, stratum 16, no reference clock\n"
    return f"Clock is synchronized, stratum 2, reference is {servers[0]}\n"


def _interfaces(machine: IosMachine) -> list[Entry]:
    return [entry for entry in machine.running.root.ordered() if entry.tokens[0] == "interface"]


def _has(entry: Entry, *key: str) -> bool:
    return entry.body is not None and entry.body.find(*key) is not None


def _value(entry: Entry, *key: str) -> str:
    found = entry.body.find(*key) if entry.body else None
    return "" if found is None or found.negated else " ".join(found.tokens[len(key) :])


def _is_up(machine: IosMachine, entry: Entry) -> bool:
    if _has(entry, "shutdown"):
        return False
    is_virtual = interface_type(entry.tokens[1]) not in {interface_type(n) for n in machine.hardware.interfaces}
    return is_virtual or zlib.crc32(f"{machine.hardware.serial} {entry.tokens[1]}".encode()) % 3 != 0


def short_name(name: str) -> str:
    """Gi1/0/1 for GigabitEthernet1/0/1."""
    kind = interface_type(name)
    return _SHORT.get(kind, kind) + name.removeprefix(kind)


@_output("show_ip_interface_brief")
def _ip_interface_brief(machine: IosMachine, _match: Match) -> str:
    lines = ["Interface              IP-Address      OK? Method Status                Protocol"]
    for entry in _interfaces(machine):
        address = (_value(entry, "ip", "address") or "unassigned").split()[0]
        up = _is_up(machine, entry)
        status = "administratively down" if _has(entry, "shutdown") else "up" if up else "down"
        protocol = "up" if up else "down"
        lines.append(f"{entry.tokens[1]:<22} {address:<15} YES NVRAM  {status:<21} {protocol}")
    return "\n".join([*lines, ""])


@_output("show_interfaces_status")
def _interfaces_status(machine: IosMachine, _match: Match) -> str:
    lines = ["", "Port         Name               Status       Vlan       Duplex  Speed Type"]
    for entry in _interfaces(machine):
        name = entry.tokens[1]
        if name not in machine.hardware.interfaces:
            continue
        up = "connected" if _is_up(machine, entry) else "notconnect"
        status = "disabled" if _has(entry, "shutdown") else up
        vlan = _value(entry, "switchport", "access", "vlan") or "1"
        if _value(entry, "switchport", "mode") == "trunk":
            vlan = "trunk"
        description = _value(entry, "description")[:18]
        lines.append(
            f"{short_name(name):<12} {description:<18} {status:<12} {vlan:<10} a-full a-1000 10/100/1000BaseTX"
        )
    return "\n".join([*lines, ""])


@_output("show_interfaces_description")
def _interfaces_description(machine: IosMachine, _match: Match) -> str:
    lines = ["Interface                      Status         Protocol Description"]
    for entry in _interfaces(machine):
        up = "up" if _is_up(machine, entry) else "down"
        status = "admin down" if _has(entry, "shutdown") else up
        lines.append(f"{short_name(entry.tokens[1]):<30} {status:<14} {up:<8} {_value(entry, 'description')}".rstrip())
    return "\n".join([*lines, ""])


@_output("show_vlan")
def _vlan(machine: IosMachine, _match: Match) -> str:
    lines = ["", f"{'VLAN':<5}{'Name':<33}{'Status':<10}Ports", f"{'-' * 4} {'-' * 32} {'-' * 9} {'-' * 31}"]
    names = {1: "default"}
    for entry in machine.running.root.beginning("vlan"):
        if entry.key[1].isdigit():
            names.setdefault(int(entry.key[1]), _value(entry, "name") or f"VLAN{int(entry.key[1]):04d}")
    lines += [f"{number:<5}{names[number]:<33}{'active':<10}" for number in sorted(names)]
    return "\n".join([*lines, ""])


@_output("show_ip_route")
def _ip_route(machine: IosMachine, _match: Match) -> str:
    lines = ["Codes: L - local, C - connected, S - static", ""]
    lines += [
        f"C        {address} is directly connected, {entry.tokens[1]}"
        for entry in _interfaces(machine)
        if _is_up(machine, entry) and (address := _value(entry, "ip", "address"))
    ]
    for entry in machine.running.root.beginning("ip", "route"):
        words = entry.key[2:]
        lines.append(f"S        {words[0]} {words[1]} [1/0] via {words[2]}")
    return "\n".join([*lines, ""])


@_output("show_access_lists")
def _access_lists(machine: IosMachine, match: Match) -> str:
    wanted = "" if match.tokens[-1] == "access-lists" else match.tokens[-1]
    lines: list[str] = []
    for entry in machine.running.root.beginning("ip", "access-list"):
        if wanted in ("", entry.tokens[3]):
            lines += [f"{entry.tokens[2].capitalize()} IP access list {entry.tokens[3]}"]
            lines += [f"   {line}" for line in body_lines(entry) if "remark" not in line]
    return "\n".join([*lines, ""]) if lines else ""


@_output("show_archive")
def _archive(machine: IosMachine, _match: Match) -> str:
    path = machine.archive_setting("path")
    if not path:
        raise RefusedError("Archive feature not enabled")
    lines = [
        f"The maximum archive configurations allowed is {machine.archive_setting('maximum') or 10}.",
        f"There are currently {len(machine.archived)} archive configurations saved.",
        f"The next archive file will be named {path}-{machine.archive_count}",
        " Archive #  Name",
    ]
    newest = len(machine.archived) - 1
    lines += [
        f"   {number + 1:<8} {name}{' <- Most Recent' if number == newest else ''}"
        for number, name in enumerate(machine.archived)
    ]
    return "\n".join([*lines, ""])


@_output("show_differences")
def _archive_differences(machine: IosMachine, match: Match) -> str:
    """Without files: startup against running; with one: that file against running."""
    names = match.tokens[4:]
    before = file_text(machine, names[0]) if names else machine.startup
    after = file_text(machine, names[1]) if len(names) > 1 else machine.running_text()
    return differences(before, after)


@_output("show_rollback_timer")
def _rollback_timer(machine: IosMachine, _match: Match) -> str:
    pending = machine.revert
    if pending is None:
        return "%No Rollback Confirmed Change pending\n"
    left = max((pending.at - machine.clock()) / machine.minute, 0)
    return (
        f"Time configured(or reconfigured): {_stamp(pending.since)}\nTimer type: absolute timer\n"
        f"Timer value: {pending.minutes} min\nUser: {pending.user}\nTime left: {left * 60:.0f} s\n"
    )


@_output("show_incremental")
def _incremental(machine: IosMachine, match: Match) -> str:
    """Only the lines of the file that the running configuration lacks; that is all this simulation knows of it."""
    known = {line.strip() for line in machine.running_text().splitlines()}
    lines = [line for line in file_text(machine, match.tokens[4]).splitlines() if line.strip() not in known]
    body = "\n".join(line for line in lines if line.strip() not in ("", "end"))
    return f"!List of Commands:\n{body}\nend\n" if body else "!List of Commands:\nend\n!No changes were found\n"


@_output("verify")
def _verify(machine: IosMachine, match: Match) -> str:
    name = match.tokens[2]
    digest = hashlib.md5(file_text(machine, name).encode(), usedforsecurity=False).hexdigest()
    return f".Done!\nverify /md5 ({name}) = {digest}\n"


def file_text(machine: IosMachine, name: str) -> str:
    """A file of the device by its IOS name."""
    if name in ("nvram:startup-config", "startup-config"):
        return machine.startup
    if name in ("system:running-config", "system:/running-config", "running-config"):
        return machine.running_text()
    text = machine.files.get(name.removeprefix("flash:").lstrip("/"))
    if text is None:
        raise RefusedError(f"%Error opening {name} (No such file or directory)")
    return text


@_output("dir")
def _directory(machine: IosMachine, match: Match) -> str:
    wanted = match.tokens[1].removeprefix("flash:").lstrip("/") if len(match.tokens) > 1 else ""
    if wanted and wanted not in machine.files:
        raise RefusedError(f"%Error opening {match.tokens[1]} (No such file or directory)")
    files = {wanted: machine.files[wanted]} if wanted else machine.files
    lines = [f"Directory of {match.tokens[1] if wanted else 'flash:/'}", ""]
    lines += [f"{n:5}  -rw-  {len(text):12}  {name}" for n, (name, text) in enumerate(files.items(), 1)]
    free = _FLASH - _FLASH * (machine.strain[2] or 35) // 100
    return "\n".join([*lines, "", f"{_FLASH} bytes total ({free} bytes free)", ""])


@_output("show_processes_cpu")
def _processes_cpu(machine: IosMachine, _match: Match) -> str:
    used = machine.strain[0] or 6
    return f"""CPU utilization for five seconds: {used}%/0%; one minute: {used}%; five minutes: {used}%
 PID Runtime(ms)     Invoked      uSecs   5Sec   1Min   5Min TTY Process
   1          27         309         87  0.00%  0.00%  0.00%   0 Chunk Manager
   2       49411       58329        847  0.15%  0.11%  0.10%   0 Load Meter
"""


@_output("show_memory_statistics")
def _memory_statistics(machine: IosMachine, _match: Match) -> str:
    used = _MEMORY * (machine.strain[1] or 31) // 100
    free = _MEMORY - used
    return f"""                Head    Total(b)     Used(b)     Free(b)   Lowest(b)  Largest(b)
Processor    3A8B2C0   {_MEMORY}   {used:9}   {free:9}   {free:9}   {free:9}
      I/O    C000000    67108864    20132659    46976205    46976205    46976192
"""


@_output("show_cdp_neighbors")
def _cdp_neighbors(_machine: IosMachine, _match: Match) -> str:
    return "Capability Codes: R - Router, S - Switch, H - Host\n\nTotal cdp entries displayed : 0\n"


@_output("show_logging")
def _logging(machine: IosMachine, _match: Match) -> str:
    hosts = [
        f"        Logging to {e.tokens[2]}  (udp port 514)" for e in machine.running.root.beginning("logging", "host")
    ]
    return "\n".join(["Syslog logging: enabled (0 messages dropped)", *hosts, ""])


@_output("more")
def _more(machine: IosMachine, match: Match) -> str:
    return file_text(machine, match.tokens[1])
