"""What each platform prints when it refuses, when it merely remarks, and when it logs something in between.

The messages are those of the vendors' command references and of netmiko's and NAPALM's own test data.
"""

import pytest

from devices.domain.platforms import PLATFORMS, platform_for

LOG_IOS = "*Nov 21 13:36:17.123: %LINEPROTO-5-UPDOWN: Line protocol on Interface Vlan10, changed state to up"
LOG_NXOS = "2026 Nov 21 13:36:17 leaf-1 %ETHPORT-5-IF_UP: Interface Ethernet1/1 is up in mode access"
LOG_EOS = "Nov 21 13:36:17 sw1 Ebra: %LINEPROTO-5-UPDOWN: Line protocol on Interface Ethernet1, changed state to up"
LOG_XR = "RP/0/RP0/CPU0:Nov 21 13:36:17.123 UTC: ifmgr[196]: %PKT_INFRA-LINK-3-UPDOWN : Interface Gi0/0/0/0 is Up"
LOG_JUNOS = "Message from syslogd@r1 at Nov 21 13:36:17  ..."

XR_FAILED = (
    "% Failed to commit one or more configuration items during a pseudo-atomic operation. All changes made have been"
    " reverted. Please issue 'show configuration failed [inheritance]' from this session to view the errors"
)

REFUSALS = {
    "cisco_ios": [
        ("% Invalid input detected at '^' marker.", ...),
        ("% Incomplete command.", ...),
        ('% Ambiguous command:  "s"', ...),
        ("%Invalid hex value", ...),
        ("% VRF RED not configured.", ...),
        ("% 192.0.2.0 overlaps with Vlan10", ...),
        ("Command rejected: Bad VLAN allowed list.", ...),
        ("Bad mask /24 for address 192.0.2.0", ...),
        ("% Configuration buffer full, can't add command: ntp", ...),
    ],
    "cisco_xe": [
        ("% Invalid input detected at '^' marker.", ...),
        ("%Error: Unable to remove: in use", ...),
        ("% Insufficient bandwidth 1000 kbps for bandwidth guarantee", ...),
        ("ERROR: Can't have two interfaces in the same subnet", ...),
    ],
    "cisco_nxos": [
        ("% Invalid command at '^' marker.", ...),
        ("% Invalid interface format at '^' marker.", ...),
        ("% Incomplete command at '^' marker.", ...),
        ("% Ambiguous command at '^' marker.", ...),
        ("% Invalid ip address at '^' marker.", ...),
        ("% Permission denied for the role", ...),
        ("ERROR: Cannot configure port-channel member", ...),
        ("ERROR: VLAN with the same name exists", ...),
        ("Error: Feature bgp is not enabled", ...),
        ("Cannot apply non-existing policy", ...),
        ("Command rejected: vlan 4094 is reserved", ...),
        ("Syntax error while parsing 'vlan x'", ...),
    ],
    "arista_eos": [
        ("% Invalid input", ...),
        ("% Invalid input at token 2: 'frob'", ...),
        ("% Incomplete command", ...),
        ("% Ambiguous command", ...),
        ("% Unavailable command (not supported on this hardware platform)", ...),
        ("% Address 192.0.2.1/24 is already assigned to interface Vlan10", ...),
        ("% BGP is already running with AS number 65000", ...),
        ("! Failed to write startup-config", ...),
    ],
    "cisco_xr": [
        ("% Invalid input detected at '^' marker.", ...),
        ("% Incomplete command.", ...),
        ("% Ambiguous command:  'i'", ...),
        (XR_FAILED, ...),
        ("!!% Could not find entry in list: Policy [X] uses undefined policy", ...),
        ("% This command is not authorized", ...),
        ("ERROR: invalid label", ...),
    ],
    "juniper_junos": [
        ("                  ^\nsyntax error.", "syntax error."),
        ("                  ^\nunknown command.", "unknown command."),
        ("                                  ^\nmissing argument.", "missing argument."),
        ("            ^\n'frob' is ambiguous.\nPossible completions:", "'frob' is ambiguous."),
        ("         ^\ninvalid ip address or hostname: 300.1.1.1", "invalid ip address or hostname: 300.1.1.1"),
        ("           ^\nNumber is not in range (256..9192): '1'", "Number is not in range (256..9192): '1'"),
        ("error: configuration check-out failed", ...),
        ("error: could not open file", ...),
        ("error: permission denied for configuration", ...),
        ("[edit interfaces ge-0/0/0]\n  'unit 0'\nerror: commit failed: (constraint check failed)",
         "error: commit failed: (constraint check failed)"),
    ],
    "frr": [
        ("% Unknown command: frobnicate", ...),
        ("% Specify remote-as or peer-group commands first", ...),
        ("BGP is already running; AS is 65000", ...),
    ],
}  # fmt: skip
REMARKS = {
    "cisco_ios": [
        LOG_IOS,
        "%LINK-3-UPDOWN: Interface Vlan10, changed state to down",
        "% Access VLAN does not exist. Creating vlan 20",
        "%Warning: portfast should only be enabled on ports connected to a single host.",
        "% Warning: The CLI will be deprecated soon",
        "% Generating 2048 bit RSA keys, keys will be non-exportable...",
        "% Interface Vlan10 IPv4 disabled and address(es) removed due to enabling VRF RED",
        "Creating a port-channel interface Port-channel 1",
    ],
    "cisco_xe": [LOG_IOS, "%Warning: Config replace removes 3 lines", "% Applying config on the interface"],
    "cisco_nxos": [
        LOG_NXOS,
        "Warning: Edge port type (portfast) should only be enabled on ports connected to a single host.",
        "Note: This command will take effect after a reload",
        "Please check if command was successful using appropriate show commands",
        "[########################################] 100%",
        "Warning: Enable double-wide arp-ether tcam carving if igmp snooping/Hsrp over vxlan is enabled.",
    ],
    "arista_eos": [
        LOG_EOS,
        "! Interface does not exist. The configuration will not take effect until the module is inserted.",
        "! portfast should only be enabled on ports connected to a single host.",
        "% Warning: the interface is a member of a port channel",
        "Copy completed successfully.",
    ],
    "cisco_xr": [
        LOG_XR,
        "% No configuration changes to commit.",
        "% Confirming commit for trial session.",
        "Thu Nov 21 13:36:17.123 UTC",
        "!! IOS XR Configuration 7.3.2",
        "% Warning: some configuration will be lost at a downgrade",
    ],
    "juniper_junos": [
        LOG_JUNOS,
        "warning: statement not found",
        "warning: uncommitted changes will be discarded on exit",
        "commit complete",
        "commit confirmed will be automatically rolled back in 5 minutes unless confirmed",
        "configuration check succeeds",
        "load complete",
        "[edit]",
    ],
    "frr": [LOG_JUNOS, "Building Configuration...", "Note: this version of vtysh never writes vtysh.conf"],
}


def rows(table: dict[str, list[object]]) -> list[object]:
    return [pytest.param(slug, row, id=f"{slug}-{n}") for slug, found in table.items() for n, row in enumerate(found)]


@pytest.mark.parametrize(("slug", "row"), rows(REFUSALS))  # type: ignore[arg-type]
def test_a_refusal_is_recognised_by_its_own_words(slug: str, row: tuple[str, object]) -> None:
    answer, words = row
    wanted = answer if words is ... else words
    platform = platform_for(slug)
    assert platform.rejection(answer) == wanted
    # a log message may be printed before it or behind it
    for around in (REMARKS[slug][0] + "\n" + answer, answer + "\n" + REMARKS[slug][0]):
        assert platform.rejection(around) == wanted


@pytest.mark.parametrize(("slug", "row"), rows(REMARKS))  # type: ignore[arg-type]
def test_a_remark_or_a_log_message_is_no_refusal(slug: str, row: str) -> None:
    assert platform_for(slug).rejection(row) is None


def test_every_platform_has_both_tables() -> None:
    assert set(PLATFORMS) == set(REFUSALS) == set(REMARKS)
