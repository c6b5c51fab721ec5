"""The outputs of show commands over eAPI: texts, and the models of those that have one."""

import time
from collections.abc import Callable
from typing import Any, Final

from devices.lab.eos.config import config_text
from devices.lab.eos.machine import VERSION, EosMachine

_MEMORY_KB: Final = 4002364
_FLASH_BYTES: Final = 4_000_000_000

TextOutput = Callable[[EosMachine], str]
Model = Callable[[EosMachine], dict[str, Any]]


def _running(machine: EosMachine) -> str:
    return machine.header("show running-config") + machine.running_text()


def _startup(machine: EosMachine) -> str:
    return machine.header("show startup-config") + machine.startup


def _version_text(machine: EosMachine) -> str:
    return (
        f"Arista {machine.hardware.model}\n"
        f"Hardware version:    \nSerial number:       {machine.serial}\n"
        f"Software image version: {VERSION}\nArchitecture:           x86_64\n"
        f"Uptime:                 {int(machine.uptime_s // 60)} minutes\n"
        f"Total memory:           {_MEMORY_KB} kB\n"
        f"Free memory:            {_MEMORY_KB - _MEMORY_KB * (machine.strain[1] or 35) // 100} kB\n"
    )


def _hostname_text(machine: EosMachine) -> str:
    return f"Hostname: {machine.hostname}\nFQDN:     {machine.hostname}\n"


def _top(machine: EosMachine) -> str:
    idle = 100 - (machine.strain[0] or 7)
    return (
        "top - 12:00:00 up 1 day,  1 user,  load average: 0.10, 0.12, 0.14\n"
        f"%Cpu(s):  {100 - idle:.1f} us,  0.0 sy,  0.0 ni, {idle:.1f} id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st\n"
    )


def _flash(machine: EosMachine) -> str:
    lines = [f"       -rw-  {len(text):12}  {name}" for name, text in machine.files.items()]
    free = _FLASH_BYTES - _FLASH_BYTES * (machine.strain[2] or 30) // 100
    return "\n".join(["Directory of flash:/", "", *lines, "", f"{_FLASH_BYTES} bytes total ({free} bytes free)", ""])


def _clock(machine: EosMachine) -> str:
    return f"{machine.clock():%a %b %d %H:%M:%S %Y}\nTimezone: UTC\n"


def _bgp(machine: EosMachine) -> str:
    lines = [f"  Neighbor {peer} AS {asn} {state}" for peer, asn, state in _peers(machine)]
    return "\n".join(["BGP summary information for VRF default", *lines, ""])


def _ntp(machine: EosMachine) -> str:
    servers = machine.running.root.beginning("ntp", "server")
    if not servers:
        return "unsynchronised\n"
    return f"synchronised to NTP server ({servers[0].tokens[2]}) at stratum 2\n"


def _version(machine: EosMachine) -> dict[str, Any]:
    up = machine.uptime_s
    return {
        "mfgName": "Arista",
        "modelName": machine.hardware.model,
        "hardwareRevision": "",
        "serialNumber": machine.serial,
        "systemMacAddress": "52:54:00:00:00:01",
        "version": VERSION,
        "internalVersion": f"{VERSION}-28837868.4283M",
        "architecture": "x86_64",
        "uptime": up,
        "bootupTimestamp": time.time() - up,
        "memTotal": 4002364,
        "memFree": 3018208,
    }


def _hostname(machine: EosMachine) -> dict[str, Any]:
    return {"hostname": machine.hostname, "fqdn": machine.hostname}


def _interfaces(machine: EosMachine) -> dict[str, Any]:
    found = {}
    for entry in machine.running.root.beginning("interface"):
        body = entry.body
        down = body is not None and body.find("shutdown") is not None
        description = body.find("description") if body is not None else None
        found[entry.tokens[1]] = {
            "name": entry.tokens[1],
            "lineProtocolStatus": "down" if down else "up",
            "interfaceStatus": "disabled" if down else "connected",
            "description": " ".join(description.tokens[1:]) if description else "",
            "mtu": 1500,
            "bandwidth": 1_000_000_000,
        }
    return {"interfaces": found}


def _sessions(machine: EosMachine) -> dict[str, Any]:
    sessions: dict[str, dict[str, Any]] = {}
    for name, candidate in machine.candidates.items():
        sessions[name] = {"state": candidate.state, "description": "", "instances": {}}
        if machine.timer is not None and machine.timer.name == name:
            sessions[name]["commitBy"] = machine.timer.commit_by_s
    return {"sessions": sessions, "maxSavedSessions": 1, "maxOpenSessions": 5}


def _sessions_text(machine: EosMachine) -> str:
    lines = [f"  {name:<30} {candidate.state}" for name, candidate in machine.candidates.items()]
    return "\n".join(["Maximum number of completed sessions: 1", "  Name  State", *lines, ""])


def _peers(machine: EosMachine) -> list[tuple[str, str, str]]:
    """Each neighbour with its AS; established unless somebody shut it down. There is no other side."""
    found = []
    for router in machine.running.root.beginning("router", "bgp"):
        for entry in router.body.beginning("neighbor") if router.body else ():
            if entry.tokens[2] == "remote-as":
                down = router.body is not None and router.body.find("neighbor", entry.tokens[1], "shutdown")
                found.append((entry.tokens[1], entry.tokens[3], "Idle(Admin)" if down else "Established"))
    return found


def _bgp_model(machine: EosMachine) -> dict[str, Any]:
    peers = {peer: {"peerState": state.partition("(")[0], "asn": asn} for peer, asn, state in _peers(machine)}
    return {"vrfs": {"default": {"vrf": "default", "peers": peers}}}


def _running_model(machine: EosMachine) -> dict[str, Any]:
    return {"cmds": dict.fromkeys(config_text(machine.running).splitlines()), "header": []}


OUTPUTS: Final[dict[str, TextOutput]] = {
    "show running-config": _running,
    "show startup-config": _startup,
    "show version": _version_text,
    "show hostname": _hostname_text,
    "show clock": _clock,
    "show processes top once": _top,
    "dir flash:": _flash,
    "show ip bgp summary": _bgp,
    "show ntp status": _ntp,
    "show configuration sessions": _sessions_text,
    "show configuration sessions detail": _sessions_text,
}
MODELS: Final[dict[str, Model]] = {
    "show running-config": _running_model,
    "show version": _version,
    "show hostname": _hostname,
    "show interfaces": _interfaces,
    "show configuration sessions": _sessions,
    "show configuration sessions detail": _sessions,
    "show ip bgp summary": _bgp_model,
}
