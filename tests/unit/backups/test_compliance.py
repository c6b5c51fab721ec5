"""Compliance by feature, and what netutils takes too easily."""

import pytest

from devices.domain.compliance import (
    LINES_DIFFER,
    ORDER_DIFFERS,
    UNSUPPORTED,
    ComplianceState,
    Feature,
    assess,
    feature_problems,
    is_supported,
)
from devices.domain.platforms import PLATFORMS

IOS = PLATFORMS["cisco_ios"]
CONFIG = """hostname sw1
!
interface GigabitEthernet1/0/1
 description uplink
 switchport mode trunk
!
interface GigabitEthernet1/0/10
 description desk
!
ip access-list extended EDGE
 permit tcp any any eq 22
 deny ip any any log
!
ntp server 192.0.2.1
ntp server 192.0.2.2
end
"""


def found(section: str, intended: str, *, ordered: bool = False, config: str = CONFIG) -> tuple[str, str, str, str]:
    feature = Feature("feature", tuple(section.splitlines()), intended, ordered)
    result = assess(feature, config, IOS)
    return result.state.value, result.code, result.missing, result.extra


def test_feature_with_the_intended_lines_is_compliant() -> None:
    assert found("ntp server", "ntp server 192.0.2.1\nntp server 192.0.2.2\n")[0] == "compliant"


def test_missing_and_extra_lines_are_told_apart() -> None:
    assert found("ntp server", "ntp server 192.0.2.1\nntp server 192.0.2.3\n") == (
        "not_compliant",
        LINES_DIFFER,
        "ntp server 192.0.2.3",
        "ntp server 192.0.2.2",
    )


def test_absent_feature_is_not_compliant_where_lines_are_intended() -> None:
    assert found("snmp-server", "snmp-server location here\n")[:3] == (
        "not_compliant",
        LINES_DIFFER,
        "snmp-server location here",
    )


def test_rule_without_lines_forbids_the_section() -> None:
    assert found("ip http", "")[0] == "compliant"
    assert found("ntp server", "")[0] == "not_compliant"


def test_section_is_matched_by_whole_words() -> None:
    intended = "interface GigabitEthernet1/0/1\n description uplink\n switchport mode trunk\n"
    assert found("interface GigabitEthernet1/0/1", intended)[0] == "compliant"


def test_blanks_separators_and_carriage_returns_do_not_count() -> None:
    intended = "interface GigabitEthernet1/0/1\r\n   description uplink\r\n   switchport mode trunk  \r\n!\r\n"
    assert found("interface GigabitEthernet1/0/1", intended)[0] == "compliant"


def test_order_counts_only_where_the_rule_says_so() -> None:
    turned = "ip access-list extended EDGE\n deny ip any any log\n permit tcp any any eq 22\n"
    assert found("ip access-list extended EDGE", turned)[0] == "compliant"
    assert found("ip access-list extended EDGE", turned, ordered=True)[:2] == ("not_compliant", ORDER_DIFFERS)


@pytest.mark.parametrize(
    ("section", "intended", "says"),
    [
        ("", "ntp server 192.0.2.1", "Name at least one section"),
        ("  ", "ntp server 192.0.2.1", "Name at least one section"),
        ("ntp server", "ntp server 192.0.2.1\nlogging host 192.0.2.9", "belongs to none of the sections"),
    ],
)
def test_rule_that_netutils_would_misread_is_refused(section: str, intended: str, says: str) -> None:
    [problem] = feature_problems(Feature("feature", (section,) if section else (), intended), "cisco_ios")
    assert says in problem


def test_platform_that_cannot_be_compared_is_not_assessed() -> None:
    assert not is_supported("")
    assert feature_problems(Feature("feature", ("ntp",), "ntp x"), "unknown")
    for platform in PLATFORMS.values():
        result = assess(Feature("ntp", ("ntp server",), ""), CONFIG, platform)
        if not is_supported(platform.slug):
            assert (result.state, result.code) == (ComplianceState.NOT_ASSESSED, UNSUPPORTED)


def test_banner_inside_a_section_is_compared() -> None:
    config = CONFIG.replace("end\n", "banner motd ^C\nAuthorised staff only.\n^C\nend\n")
    assert found("banner motd", "banner motd ^C\nAuthorised staff only.\n^C\n", config=config)[0] == "compliant"
    assert found("banner motd", "banner motd ^C\nWelcome.\n^C\n", config=config)[0] == "not_compliant"
