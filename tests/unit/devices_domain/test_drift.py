"""Whether two changes meet is decided by place, not by line number."""

from __future__ import annotations

import pytest

from devices.domain.drift import DriftKind, change_set, classify_drift, converged, is_part
from devices.domain.platforms import platform_for

IOS = platform_for("cisco_ios")
BASE = """hostname sw1
ntp server 10.0.0.1
logging host 10.0.0.5
interface Vlan10
 description users
 ip address 10.1.0.1 255.255.255.0
interface Vlan20
 description voice
ip access-list extended MGMT
 permit tcp any any eq 22
 deny ip any any
"""


def edited(old: str, new: str, text: str = BASE) -> str:
    assert old in text
    return text.replace(old, new)


PLAN = edited(" description users", " description staff")


def kind(actual: str, plan: str = PLAN) -> DriftKind:
    return classify_drift(BASE, plan, actual, IOS).kind


def test_nothing_happened() -> None:
    assert kind(BASE) is DriftKind.SAME


@pytest.mark.parametrize(
    "actual",
    [
        edited(" description users", " description guests"),
        edited(" description users\n", ""),
        edited("interface Vlan10\n description users\n ip address 10.1.0.1 255.255.255.0\n", ""),
        PLAN,
    ],
    ids=["other value", "value removed", "block removed", "done by hand"],
)
def test_a_change_at_the_touched_place_overlaps(actual: str) -> None:
    assert kind(actual) is DriftKind.OVERLAPPING


@pytest.mark.parametrize(
    "actual",
    [
        edited("description voice", "description phones"),
        edited("ntp server 10.0.0.1", "ntp server 10.0.0.2"),
        edited(" ip address 10.1.0.1", " ip address 10.1.0.2"),
        edited("interface Vlan20", " shutdown\ninterface Vlan20"),
        BASE + "interface Vlan30\n description new\n",
    ],
    ids=["other block", "other kind", "other setting of the block", "setting added to the block", "new block"],
)
def test_a_change_elsewhere_is_unrelated(actual: str) -> None:
    assert kind(actual) is DriftKind.UNRELATED


def test_what_was_done_by_hand_is_told() -> None:
    plan = edited("ntp server 10.0.0.1", "ntp server 10.0.0.9", PLAN)
    found = classify_drift(BASE, plan, PLAN, IOS)
    assert (found.kind, found.done) == (DriftKind.OVERLAPPING, (("interface Vlan10", "description"),))


def test_a_change_is_the_same_set_on_another_configuration() -> None:
    other = BASE + "snmp-server location Hall 4\n"
    assert change_set(BASE, PLAN, IOS) == change_set(
        other, edited(" description users", " description staff", other), IOS
    )


def test_another_order_of_a_list_whose_order_counts_is_a_change() -> None:
    swapped = edited(" permit tcp any any eq 22\n deny ip any any", " deny ip any any\n permit tcp any any eq 22")
    assert {change.op for change in change_set(BASE, swapped, IOS)} == {"~"}


def test_a_part_of_a_change_is_a_subset_of_it() -> None:
    whole = edited("ntp server 10.0.0.1", "ntp server 10.0.0.2", PLAN)
    assert change_set(BASE, PLAN, IOS) < change_set(BASE, whole, IOS)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("enable secret hunter2", "enable secret 9 $9$abc"),
        ("username joe privilege 15 secret 0 hunter2", "username joe privilege 15 secret 5 $1$abc"),
        ("tacacs server a\n key hunter2", "tacacs server a\n key 7 0822455D0A16"),
    ],
)
def test_a_secret_stored_in_a_coded_form_is_the_expected_configuration(typed: str, stored: str) -> None:
    assert converged(f"{BASE}{typed}\n", f"{BASE}{stored}\n", IOS)
    assert not converged(f"{BASE}{stored}\n", f"{BASE}{typed}\n", IOS)


@pytest.mark.parametrize(
    ("actual", "part"),
    [
        ("", True),
        ("enable secret 9 $9$abc", True),
        ("ntp server 10.0.0.9\nenable secret 9 $9$abc", True),
        ("username joe secret 9 $9$abc", False),
        ("enable secret 9 $9$abc\nntp server 10.0.0.8", False),
    ],
)
def test_a_part_of_a_change_may_show_its_secret_in_a_coded_form(actual: str, part: bool) -> None:
    expected = f"{BASE}enable secret hunter2\nntp server 10.0.0.9\n"
    assert is_part(BASE, expected, f"{BASE}{actual}\n", IOS) is part


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("enable secret 9 $9$abc", "enable secret 9 $9$abd"),
        ("username joe secret hunter2", "username jim secret 5 $1$abc"),
        ("username joe privilege 15 secret hunter2", "username joe secret 5 $1$abc"),
        ("ntp server 10.0.0.1", "ntp server 10.0.0.2"),
        ("ntp server 10.0.0.1", ""),
    ],
)
def test_anything_else_is_not(expected: str, actual: str) -> None:
    assert not converged(f"{BASE}{expected}\n", f"{BASE}{actual}\n", IOS)
