"""How IOS reads lines, one behaviour at a time."""

import pytest

from devices.domain.config_text import normalise
from devices.domain.platforms import platform_for
from devices.domain.prediction import predict, predict_with_notes

IOS = platform_for("cisco_ios")
XE = platform_for("cisco_xe")
ADDRESS = "ip address 10.0.0.1 255.0.0.0"
SSH, REST = "10 permit tcp any any eq 22", "20 deny ip any any"
PORT = "interface GigabitEthernet1/0/1\n"


def predicted(before: str, *commands: str) -> list[str]:
    return predict(before, commands, IOS).splitlines()


@pytest.mark.parametrize(
    ("before", "commands", "after"),
    [
        ("hostname a\n", ["hostname b"], ["hostname b"]),
        ("hostname a\n", ["no hostname"], ["hostname Router"]),
        ("", ["ntp server 10.0.0.1", "ntp server 10.0.0.1 prefer"], ["ntp server 10.0.0.1 prefer"]),
        ("ntp server 10.0.0.1 prefer\n", ["no ntp server 10.0.0.1"], []),
        ("", ["no ip domain lookup"], ["no ip domain lookup"]),
        ("no ip domain-lookup\n", ["ip domain lookup"], []),
        ("", ["no ip http server"], ["no ip http server"]),
        ("snmp-server community a RO\n", ["no snmp-server community a"], []),
        ("", ["username a privilege 15", "username a secret 9 x"], ["username a privilege 15 secret 9 x"]),
        ("access-list 1 permit any\naccess-list 1 deny any\n", ["no access-list 1 permit any"], []),
        ("", ["vlan 10,11"], ["vlan 10", "vlan 11"]),
        ("banner motd ^Chi^C\n", ["banner motd #a", "b#"], ["banner motd ^Ca", "b^C"]),
        ("banner motd ^Chi^C\n", ["no banner motd"], []),
        ("logging console errors\n", ["no logging console"], ["no logging console"]),
        ("logging console errors\n", ["default logging console"], []),
        ("frobnicate 1\n", ["frobnicate 2"], ["frobnicate 2"]),
        ("frobnicate a\n", ["no frobnicate"], []),
        ("a\nb\n", ["! nothing", "", "exit"], ["a", "b"]),
    ],
)
def test_a_global_line(before: str, commands: list[str], after: list[str]) -> None:
    assert predicted(before, *commands) == after


@pytest.mark.parametrize(
    ("inside", "commands", "after"),
    [
        ("", ["desc  two  words"], ["description two  words"]),
        (" description a\n", ["no description"], []),
        (" description a\n", ["no desc whatever"], []),
        ("", ["shut"], ["shutdown"]),
        (" shutdown\n", ["no shut"], []),
        ("", ["sw mode acc", "SWITCHPORT ACCESS VLAN 1"], ["switchport mode access"]),
        ("", ["switchport trunk allowed vlan 1,2,3,5"], ["switchport trunk allowed vlan 1-3,5"]),
        (" switchport trunk allowed vlan 1-5\n", ["sw tr all vl rem 3"], ["switchport trunk allowed vlan 1,2,4,5"]),
        ("", ["switchport trunk allowed vlan except 5-4094"], ["switchport trunk allowed vlan 1-4"]),
        (" switchport trunk allowed vlan 5\n", ["switchport trunk allowed vlan all"], []),
        (" switchport mode access\n", ["no switchport"], ["no switchport", "no ip address"]),
        (" no switchport\n no ip address\n", [ADDRESS], ["no switchport", ADDRESS]),
        (f" no switchport\n {ADDRESS}\n", ["switchport"], []),
        (f" no switchport\n {ADDRESS}\n", ["no ip address 10.0.0.9 255.0.0.0"], ["no switchport", ADDRESS]),
        (" ip access-group A in\n", ["ip access-group B in"], ["ip access-group B in"]),
        (" ip access-group A in\n", ["ip access-group B out"], ["ip access-group A in", "ip access-group B out"]),
        ("", ["mtu 1500"], []),
        ("", ["no cdp enable"], ["no cdp enable"]),
    ],
)  # fmt: skip
def test_a_line_in_an_interface(inside: str, commands: list[str], after: list[str]) -> None:
    assert predicted(PORT + inside, "int gi1/0/1", *commands) == [PORT.strip(), *(f" {line}" for line in after)]


def test_a_line_of_another_mode_leaves_the_interface() -> None:
    assert predicted(PORT, "int gi1/0/1", "shutdown", "ntp server 10.0.0.1", "description x") == [
        PORT.strip(),
        " shutdown",
        "description x",
        "ntp server 10.0.0.1",
    ]


def test_indentation_of_the_content_does_not_matter() -> None:
    flat = predicted("", "router bgp 1", "address-family ipv4", "network 10.0.0.0", "exit", "bgp router-id 10.0.0.1")
    deep = predicted(
        "", "router bgp 1", "  address-family ipv4", "     network 10.0.0.0", " exit", "bgp router-id 10.0.0.1"
    )
    assert flat == deep == ["router bgp 1", " bgp router-id 10.0.0.1", " address-family ipv4", "  network 10.0.0.0"]


def test_an_unknown_block_is_recognised_by_its_indentation() -> None:
    after = predicted("", "new feature x", " setting 1", " setting 2", "ntp server 10.0.0.1")
    assert after == ["new feature x", " setting 2", "ntp server 10.0.0.1"]


def test_a_range_of_interfaces_takes_every_line() -> None:
    after = predicted("", "interface range Gi1/0/1 - 2, Vlan10", "description x")
    assert after.count(" description x") == 3
    assert "interface Vlan10" in after


def test_a_new_layer_3_interface_says_that_it_has_no_address() -> None:
    assert predicted("", "interface vlan 10") == ["interface Vlan10", " no ip address"]
    assert predicted("", "interface Port-channel1") == ["interface Port-channel1"]


def test_hardware_cannot_be_removed() -> None:
    assert predicted(PORT, "no interface gi1/0/1") == [PORT.strip()]


def test_a_vrf_takes_the_address_along() -> None:
    before = "interface Vlan10\n ip address 10.0.0.1 255.0.0.0\n"
    after = predicted(before, "interface Vlan10", "vrf forwarding RED")
    assert after == ["interface Vlan10", " vrf forwarding RED", " no ip address"]


def test_a_port_channel_and_an_access_vlan_are_created_by_their_first_use() -> None:
    after = predicted(f"vlan 10\n{PORT}", "int gi1/0/1", "channel-group 3 mode active", "switchport access vlan 20")
    assert "interface Port-channel3" in after
    assert "vlan 20" in after


@pytest.mark.parametrize(
    ("commands", "entries"),
    [
        (["permit udp any any eq 53"], [SSH, REST, "30 permit udp any any eq domain"]),
        (["15 permit tcp any host 10.0.0.1 eq 80"], [SSH, "15 permit tcp any host 10.0.0.1 eq www", REST]),
        (["no 20"], [SSH]),
        (["no deny ip any any"], [SSH]),
        (["deny ip any any"], [SSH, REST]),
        (["10 permit ip any any"], [SSH, REST]),
        (["15 permit ip 10.0.0.1 0.0.0.0 0.0.0.0 255.255.255.255"], [SSH, "15 permit ip host 10.0.0.1 any", REST]),
    ],
)  # fmt: skip
def test_an_access_list(commands: list[str], entries: list[str]) -> None:
    before = "ip access-list extended A\n 10 permit tcp any any eq 22\n 20 deny ip any any\n"
    after = predict(before, ["ip access-list extended A", *commands], XE).splitlines()
    assert after == ["ip access-list extended A", *(f" {entry}" for entry in entries)]


def test_an_access_list_without_printed_numbers_is_counted_in_tens() -> None:
    before = "version 15.2\nip access-list standard A\n permit 10.0.0.1\n deny any\n"
    commands = ["ip access-list standard A", "15 permit host 10.0.0.2"]
    found = predict_with_notes(before, commands, IOS)
    assert found.text.splitlines()[2:] == [" permit 10.0.0.1", " permit 10.0.0.2", " deny any"]
    assert any("assumed" in note for note in found.notes)


def test_what_cannot_be_known_is_said() -> None:
    notes = predict_with_notes("", ["username a secret clear", "enable secret clear", "do show version"], IOS).notes
    assert len(notes) == 3
    assert not any("clear" in note for note in notes)


def test_a_section_that_no_command_names_stays_as_it_is() -> None:
    before = (
        "hostname a\ncrypto strange thing\n  odd indentation\n     deeper\n more\nip route 10.0.0.0 255.0.0.0 Null0\n"
    )
    assert predict(before, ["ntp server 10.0.0.1"], IOS) == normalise(f"{before}ntp server 10.0.0.1\n", IOS)
