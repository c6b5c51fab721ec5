"""What other people's libraries get wrong, seen once more, and what this product does instead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from napalm.base.constants import CISCO_SANITIZE_FILTERS
from netutils.config.compliance import diff_network_config
from ntc_templates.parse import _get_template_dir  # type: ignore[import-untyped] # it ships no types

from changes.domain.check_expectations import Parser
from changes.domain.check_library import LIBRARY
from devices.domain.config_text import normalise
from devices.domain.diffing import unified_diff
from devices.domain.inverse import inverse_commands
from devices.domain.platforms import platform_for
from devices.domain.prediction import predict
from devices.domain.redaction import redact

ROOT = Path(__file__).parents[3]
IOS = platform_for("cisco_ios")
LEAKED = [
    "snmp-server user joe grp v3 auth sha s3cretAuth priv aes 128 s3cretPriv",
    "radius-server host 10.0.0.1 key s3cretRadius",
    " wpa-psk ascii s3cretWpa",
    "ntp authentication-key 1 md5 s3cretNtp 7",
]


def test_hier_config_predicts_wrongly_so_nothing_here_uses_it() -> None:
    sources = [path for app in ("audit", "changes", "devices", "portal") for path in (ROOT / app).rglob("*.py")]
    assert len(sources) > 100
    using = re.compile(r"^\s*(?:import|from) hier_config", re.MULTILINE)
    assert not [path.name for path in sources if using.search(path.read_text())]
    assert "hier-config" not in (ROOT / "requirements/base.lock").read_text()


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ("hostname core-1\n", ["hostname core-2"]),
        ("username joe privilege 15 secret 9 $9$old\n", ["username joe privilege 15 secret 9 $9$new"]),
        ("enable secret 9 $9$old\n", ["enable secret 9 $9$new"]),
        (
            "router bgp 65000\n neighbor 10.0.0.1 remote-as 65001\n",
            ["router bgp 65000", "neighbor 10.0.0.1 remote-as 65002"],
        ),
        ("interface Vlan10\n mtu 9000\n", ["interface Vlan10", "mtu 1500"]),
        ("interface Vlan7\n ip mtu 1400\n", ["interface Vlan7", "ip mtu 1300"]),
    ],
)
def test_a_backout_enters_the_old_line_and_never_takes_away_what_it_would_reset_or_lock_out(
    before: str, change: list[str]
) -> None:
    running = normalise(before, IOS)
    after = predict(running, change, IOS)
    backout = inverse_commands(running, after, IOS)
    assert after != running
    assert not [line for line in backout if line.strip().startswith("no ")]
    assert predict(after, backout, IOS) == running


def test_a_section_that_is_printed_twice_is_no_error_and_is_read_as_one() -> None:
    """hier_config raises DuplicateChildError."""
    twice = "interface Vlan10\n description a\ninterface Vlan20\n shutdown\ninterface Vlan10\n mtu 9000\n"
    after = predict(twice, ["interface Vlan10", "mtu 1500"], IOS)
    assert "mtu 9000" not in after
    assert predict(after, inverse_commands(normalise(twice, IOS), after, IOS), IOS) == predict(twice, (), IOS)


def test_configurations_that_differ_never_give_an_empty_backout() -> None:
    """An over-broad rule of hier_config did; text decides here, so a line that no rule knows counts as well."""
    before, after = "frobnicate 1\n", "frobnicate 2\n"
    assert inverse_commands(before, after, IOS)
    assert unified_diff(before, after)


@pytest.mark.parametrize("line", LEAKED)
def test_napalms_filters_leave_secrets_that_our_own_list_masks(line: str) -> None:
    theirs = line
    for pattern, replacement in CISCO_SANITIZE_FILTERS.items():
        theirs = re.sub(pattern, replacement, theirs, flags=re.MULTILINE)
    assert "s3cret" in theirs
    assert "s3cret" not in redact(line, key=b"k")


def test_netutils_diff_tells_added_lines_only_so_ours_tells_both() -> None:
    before, after = "hostname a\nntp server 10.0.0.1\n", "hostname a\nntp server 10.0.0.2\n"
    assert diff_network_config(after, before, "cisco_ios") == "ntp server 10.0.0.2"
    diff = unified_diff(before, after).splitlines()
    assert "-ntp server 10.0.0.1" in diff
    assert "+ntp server 10.0.0.2" in diff


def test_ntc_templates_knows_no_frr_so_its_checks_read_json_or_text() -> None:
    assert not [path.name for path in Path(_get_template_dir()).glob("*frr*")]
    checks = [entry.check for entry in LIBRARY if "frr" in entry.platforms]
    assert checks
    assert {check.parser for check in checks} <= {Parser.JSON, Parser.TEXT, Parser.REGEX}
