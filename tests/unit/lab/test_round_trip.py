"""Properties that hold for any configuration."""

from hypothesis import given
from hypothesis import strategies as st

from devices.lab.ios.config import ConfigSession
from devices.lab.ios.machine import IosMachine
from devices.lab.ios.render import config_text
from devices.lab.site import site_specs
from tests.unit.lab.ios import Clock, config

WORDS = st.text("abcdefgh#>()-_%.", min_size=1, max_size=12).filter(lambda word: not word.startswith("^"))
NUMBERS = st.integers(1, 40)
GLOBAL_LINES = st.one_of(
    WORDS.map(lambda w: f"snmp-server location {w}"),
    NUMBERS.map(lambda n: f"ntp server 198.51.100.{n}"),
    NUMBERS.map(lambda n: f"no ntp server 198.51.100.{n}"),
    NUMBERS.map(lambda n: f"vlan {n}"),
    NUMBERS.map(lambda n: f"no vlan {n}"),
    NUMBERS.map(lambda n: f"interface Loopback{n}"),
    NUMBERS.map(lambda n: f"ip route 203.0.113.{n} 255.255.255.255 192.0.2.{n}"),
    NUMBERS.map(lambda n: f"logging host 192.0.2.{n}"),
    st.sampled_from(["no ntp", "no ip domain-lookup", "ip domain-lookup", "aaa new-model", "no snmp-server"]),
    st.integers(1, 4).map(lambda n: f"interface GigabitEthernet1/0/{n}"),
    st.just("ip access-list extended EDGE"),
    st.just("interface range gi1/0/1 - 3"),
    WORDS.map(lambda w: f"banner motd @{w}@".replace("@@", "@x@")),
)
SUB_LINES = st.one_of(
    WORDS.map(lambda w: f"description {w}"),
    st.sampled_from(
        ["shutdown", "no shutdown", "switchport mode trunk", "no switchport", "switchport", "no description"]
    ),
    NUMBERS.map(lambda n: f"switchport access vlan {n}"),
    NUMBERS.map(lambda n: f"switchport trunk allowed vlan add {n}"),
    NUMBERS.map(lambda n: f"switchport trunk allowed vlan remove {n}"),
    NUMBERS.map(lambda n: f"{n} permit tcp any host 192.0.2.{n}"),
    NUMBERS.map(lambda n: f"permit tcp any host 192.0.2.{n}"),
    NUMBERS.map(lambda n: f"no {n}"),
    NUMBERS.map(lambda n: f"ip address 192.0.{n}.1 255.255.255.0"),
)
LINES = st.lists(st.one_of(GLOBAL_LINES, SUB_LINES), max_size=40)


@given(LINES)
def test_what_is_printed_boots_into_the_same_configuration(lines: list[str]) -> None:
    changed = config()
    ConfigSession(changed).execute_all(lines)
    text = config_text(changed)
    again = config_text(config(text))
    assert again == text


@given(LINES)
def test_typing_the_printed_configuration_again_changes_nothing(lines: list[str]) -> None:
    changed = config()
    ConfigSession(changed).execute_all(lines)
    text = config_text(changed)
    ConfigSession(changed).read_text(text)
    assert config_text(changed) == text


@given(st.text(max_size=60))
def test_any_text_is_answered_and_the_configuration_stays_readable(line: str) -> None:
    changed = config()
    ConfigSession(changed).execute_all([line])
    assert config_text(changed).endswith("end\n")


def test_every_line_of_the_demonstration_network_is_understood() -> None:
    for spec in site_specs(60):
        machine = IosMachine(spec.hardware, "", Clock())
        session = ConfigSession(machine.running)
        for line in spec.startup.splitlines():
            session.execute(line)
        assert 150 <= machine.running_text().count("\n") <= 400


def test_the_demonstration_network_is_the_documented_one() -> None:
    specs = site_specs(12)
    assert [spec.name for spec in specs] == [
        *(f"fra-dist-0{n}" for n in (1, 2)),
        *(f"fra-acc-0{n}" for n in range(1, 9)),
        *(f"muc-acc-0{n}" for n in (1, 2)),
    ]
    assert len({spec.hardware.serial for spec in site_specs(500)}) == 500
    assert len({spec.name for spec in site_specs(500)}) == 500
    assert [spec.port for spec in site_specs(3, first_port=3000)] == [3000, 3001, 3002]
