"""Backouts that must not go wrong, one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.domain.access_list_edits import edit_list
from devices.domain.access_lists import add_entry, number_entries, remove_entry, split_number
from devices.domain.config_text import normalise
from devices.domain.config_tree import Node
from devices.domain.inverse import inverse_commands
from devices.domain.platforms import Platform, platform_for
from devices.domain.prediction import predict

IOS = platform_for("cisco_ios")
XE = platform_for("cisco_xe")


def backout(before: str, commands: str, platform: Platform = IOS) -> list[str]:
    """The backout of a predicted change, after checking that it is predicted to restore the baseline."""
    after = predict(before, commands.splitlines(), platform)
    found = inverse_commands(before, after, platform)
    assert predict(after, found, platform) == normalise(before, platform)
    return list(found)


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("hostname core-1", "hostname core-2"),
        ("ip domain name a.example", "ip domain name b.example"),
        ("enable secret 9 $9$old", "enable secret 9 $9$new"),
        ("username joe privilege 15 secret 9 $9$old", "username joe privilege 15 secret 9 $9$new"),
        ("snmp-server community noc RO 10", "snmp-server community noc RW"),
        ("ntp server 10.0.0.1 prefer", "ntp server 10.0.0.1"),
        ("spanning-tree mode rapid-pvst", "spanning-tree mode pvst"),
        ("clock timezone CET 1 0", "clock timezone UTC 0 0"),
        ("ip route 10.0.0.0 255.0.0.0 192.0.2.1 200", "ip route 10.0.0.0 255.0.0.0 192.0.2.1"),
    ],
)
def test_a_replaced_value_comes_back_by_its_old_line_alone(line: str, changed: str) -> None:
    assert backout(f"{line}\n", changed) == [line]


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("description old", "description new"),
        ("mtu 9000", "mtu 1500"),
        ("mtu 9000", "no mtu"),
        ("switchport access vlan 20", "switchport access vlan 30"),
        ("switchport access vlan 20", "no switchport access vlan"),
        ("switchport trunk allowed vlan 10,20", "switchport trunk allowed vlan add 30"),
        ("switchport trunk allowed vlan 10,20", "switchport trunk allowed vlan none"),
        ("shutdown", "no shutdown"),
        ("no cdp enable", "cdp enable"),
    ],
)
def test_a_value_inside_a_block_comes_back_in_its_mode(line: str, changed: str) -> None:
    before = f"vlan 20\n name A\nvlan 30\n name B\ninterface GigabitEthernet1/0/1\n {line}\n"
    commands = backout(before, f"interface Gi1/0/1\n{changed}")
    assert commands == ["interface GigabitEthernet1/0/1", f" {line}", "exit"]


def test_the_old_as_of_a_neighbor_returns_without_deleting_the_neighbor() -> None:
    before = "router bgp 65000\n neighbor 10.0.0.1 remote-as 65001\n neighbor 10.0.0.1 description peer\n"
    commands = backout(before, "router bgp 65000\nneighbor 10.0.0.1 remote-as 65002")
    assert commands == ["router bgp 65000", " neighbor 10.0.0.1 remote-as 65001", "exit"]


def test_a_new_neighbor_goes_with_one_line_which_takes_its_other_lines_along() -> None:
    before = "router bgp 65000\n neighbor 10.0.0.1 remote-as 65001\n"
    change = "router bgp 65000\nneighbor 10.0.0.2 remote-as 65002\nneighbor 10.0.0.2 description new"
    assert backout(before, change) == ["router bgp 65000", " no neighbor 10.0.0.2 remote-as 65002", "exit"]


def test_another_bgp_process_is_removed_before_the_old_one_is_entered() -> None:
    before = "router bgp 65000\n neighbor 10.0.0.1 remote-as 65001\n"
    commands = backout(before, "no router bgp 65000\nrouter bgp 65100\nneighbor 10.0.0.9 remote-as 65009")
    assert commands[0] == "no router bgp 65100"
    assert commands[1:] == ["router bgp 65000", " neighbor 10.0.0.1 remote-as 65001", "exit"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("no ip domain lookup", "ip domain lookup"),
        ("interface Gi1/0/1\nshutdown", " no shutdown"),
        ("interface Gi1/0/1\nno lldp transmit", " lldp transmit"),
        ("logging console errors", "default logging console"),
        ("logging trap errors", "default logging trap"),
        ("interface Gi1/0/1\nkeepalive 30", " default keepalive"),
        ("interface Gi1/0/1\ndescription x", " no description"),
        ("banner motd #hi#", "no banner motd"),
        ("ntp server 10.0.0.1", "no ntp server 10.0.0.1"),
    ],
)
def test_what_was_not_printed_before_returns_to_its_default(change: str, expected: str) -> None:
    commands = backout("interface GigabitEthernet1/0/1\n", change)
    assert expected in commands
    assert len(commands) in (1, 3)


def test_a_new_block_goes_with_one_line() -> None:
    change = "interface Vlan30\nip address 10.3.0.1 255.255.255.0\ndescription new\nvlan 30\nname NEW"
    assert backout("hostname a\n", change) == ["no interface Vlan30", "no vlan 30"]


def test_a_removed_block_returns_whole_and_what_it_refers_to_first() -> None:
    before = (
        "class-map match-any VOICE\n match dscp ef\npolicy-map QOS\n class VOICE\n  priority percent 10\n"
        "interface Vlan10\n ip address 10.0.0.1 255.255.255.0\n service-policy input QOS\n"
    )
    commands = backout(
        before, "interface Vlan10\nno service-policy input QOS\nno policy-map QOS\nno class-map match-any VOICE"
    )
    order = [commands.index(line) for line in ("class-map match-any VOICE", "policy-map QOS", "interface Vlan10")]
    assert order == sorted(order)


@pytest.mark.parametrize("text", ["one line", "#~%@", "with ^ and #\nand more\n\n  indented", "^C is typed by hand"])
def test_a_banner_returns_with_a_delimiter_that_its_text_does_not_hold(text: str) -> None:
    before = f"banner motd ^C\n{text}\n^C\n" if "^C" not in text else f"banner motd ~\n{text}\n~\n"
    commands = backout(before, "banner motd @new@")
    delimiter = commands[0].removeprefix("banner motd ")[0]
    assert "\n".join(commands) == f"banner motd {delimiter}\n{text}\n{delimiter}"
    assert delimiter not in text


def test_the_address_returns_after_the_vrf_that_takes_it_along() -> None:
    before = "interface Vlan10\n vrf forwarding RED\n ip address 10.0.0.1 255.255.255.0\n"
    change = "interface Vlan10\nvrf forwarding BLUE\nip address 10.0.0.1 255.255.255.0"
    assert backout(before, change) == [
        "interface Vlan10",
        " vrf forwarding RED",
        " ip address 10.0.0.1 255.255.255.0",
        "exit",
    ]


def test_addresses_that_changed_places_are_taken_away_before_they_return() -> None:
    one, two = "ip address 10.1.0.1 255.255.255.0", "ip address 10.2.0.1 255.255.255.0"
    before = f"interface Vlan10\n {one}\ninterface Vlan20\n {two}\n"
    after = f"interface Vlan10\n {two}\ninterface Vlan20\n {one}\n"
    commands = list(inverse_commands(before, after, IOS))
    assert commands.count(" no ip address") == 2
    assert commands.index(f" {one}") > max(i for i, line in enumerate(commands) if line == " no ip address")


def test_secondary_addresses_go_before_and_return_after_the_primary_one() -> None:
    before = "interface Vlan10\n ip address 10.1.0.1 255.255.255.0\n"
    change = "interface Vlan10\nip address 10.2.0.1 255.255.255.0\nip address 10.1.0.1 255.255.255.0 secondary"
    assert backout(before, change)[1:3] == [
        " no ip address 10.1.0.1 255.255.255.0 secondary",
        " ip address 10.1.0.1 255.255.255.0",
    ]
    assert (
        backout(before.replace(" 255.255.255.0", " 255.255.255.0", 1), "no interface Vlan10")[0] == "interface Vlan10"
    )


def test_an_ordered_list_gets_its_order_back() -> None:
    before = "ip name-server 10.0.0.1 10.0.0.2 10.0.0.3\n"
    assert backout(before, "no ip name-server 10.0.0.2") == [
        "ip name-server 10.0.0.2",
        "no ip name-server 10.0.0.3",
        "ip name-server 10.0.0.3",
    ]


def test_servers_are_added_before_others_are_removed() -> None:
    change = "no ntp server 10.0.0.1\nno ntp server 10.0.0.2\nntp server 10.0.0.9"
    commands = backout("ntp server 10.0.0.1\nntp server 10.0.0.2\n", change)
    assert commands == ["ntp server 10.0.0.1", "ntp server 10.0.0.2", "no ntp server 10.0.0.9"]


def test_the_action_of_a_route_map_entry_is_changed_in_place() -> None:
    before = "route-map OUT permit 10\n match ip address prefix-list A\n"
    assert backout(before, "route-map OUT deny 10") == ["route-map OUT permit 10", "exit"]


def test_a_prefix_list_entry_makes_room_before_it_returns() -> None:
    before = "ip prefix-list A seq 5 permit 10.0.0.0/8\n"
    change = "no ip prefix-list A seq 5 permit 10.0.0.0/8\nip prefix-list A seq 5 deny 0.0.0.0/0 le 32"
    assert backout(before, change) == [
        "no ip prefix-list A seq 5 deny 0.0.0.0/0 le 32",
        "ip prefix-list A seq 5 permit 10.0.0.0/8",
    ]


def test_a_long_set_of_vlans_is_entered_in_parts() -> None:
    numbers = ",".join(str(number) for number in range(2, 400, 2))
    before = f"interface GigabitEthernet1/0/1\n switchport trunk allowed vlan {numbers}\n"
    commands = backout(before, "interface Gi1/0/1\nswitchport trunk allowed vlan 7")
    assert max(map(len, commands)) <= IOS.max_line_length + 1
    assert commands[1].startswith(" switchport trunk allowed vlan 2,4,")
    assert all(line.startswith(" switchport trunk allowed vlan add ") for line in commands[2:-1])


def test_terminal_lines_that_were_split_return_in_their_printed_ranges() -> None:
    before = "line vty 0 4\n transport input ssh\nline vty 5 15\n transport input ssh\n"
    assert backout(before, "line vty 0 7\nexec-timeout 5 0\ntransport input none") == [
        "line vty 0 4",
        " no exec-timeout",
        " transport input ssh",
        "exit",
        "line vty 5 7",
        " no exec-timeout",
        " transport input ssh",
        "exit",
    ]


def test_a_routed_port_becomes_a_switch_port_again() -> None:
    before = "vlan 10\n name A\ninterface GigabitEthernet1/0/1\n switchport access vlan 10\n switchport mode access\n"
    commands = backout(before, "interface Gi1/0/1\nno switchport\nip address 10.0.0.1 255.255.255.0")
    assert commands[2:-1] == [" switchport", " switchport access vlan 10", " switchport mode access"]


def test_a_certificate_returns_with_its_bytes_and_its_end() -> None:
    before = "crypto pki certificate chain CA\n certificate ca 01\n  3082024B 308201B4\n  0D06092A\n  \tquit\n"
    after = "crypto pki certificate chain CA\n"
    assert list(inverse_commands(before, after, IOS)) == [
        "crypto pki certificate chain CA",
        " certificate ca 01",
        " 3082024B 308201B4",
        " 0D06092A",
        " quit",
        "exit",
    ]


def test_an_unknown_line_is_taken_away_before_the_old_one_is_entered() -> None:
    assert list(inverse_commands("frobnicate a b\n", "frobnicate c\n", IOS)) == ["no frobnicate c", "frobnicate a b"]


def test_equal_configurations_need_nothing() -> None:
    assert inverse_commands("hostname a\n!\nend\n", "Building configuration...\nhostname a\n", IOS) == ()


class TestAccessLists:
    """An access list may protect the session that edits it."""

    def test_one_entry_in_the_middle_returns_by_a_number(self) -> None:
        before = (
            "ip access-list extended M\n 10 permit tcp any any eq 22\n 20 permit icmp any any\n 30 deny ip any any\n"
        )
        assert backout(before, "ip access-list extended M\nno 20", XE) == [
            "ip access-list extended M",
            " 20 permit icmp any any",
            "exit",
        ]

    def test_numbers_that_are_not_printed_are_dealt_out_first(self) -> None:
        before = (
            "version 15.2\nip access-list extended M\n permit tcp any any eq 22\n permit icmp any any\n"
            " deny ip any any\n"
        )
        assert backout(before, "ip access-list extended M\nno permit icmp any any") == [
            "ip access-list resequence M 10 10",
            "ip access-list extended M",
            " 11 permit icmp any any",
            "exit",
            "ip access-list resequence M 10 10",
        ]

    def test_a_single_entry_is_exchanged_without_an_empty_list_in_between(self) -> None:
        before = "ip access-list extended M\n 10 permit tcp any any eq 22\n"
        commands = backout(before, "ip access-list extended M\nno 10\n10 permit ip any any", XE)
        inside = commands[2:4]
        assert inside[0].endswith("permit tcp any any eq 22")
        assert inside[1] == " no permit ip any any"

    def test_a_numbered_list_is_edited_as_a_named_one_since_no_would_delete_it(self) -> None:
        before = "version 15.2\naccess-list 10 permit 10.0.0.1\naccess-list 10 permit 10.0.0.2\n"
        commands = backout(before, "ip access-list standard 10\nno permit 10.0.0.1\npermit 10.0.0.9")
        assert commands == [
            "ip access-list resequence 10 10 10",
            "ip access-list standard 10",
            " 1 permit 10.0.0.1",
            " no permit 10.0.0.9",
            "exit",
            "ip access-list resequence 10 10 10",
        ]

    def test_a_deleted_list_is_restored_before_the_line_that_uses_it(self) -> None:
        before = "ip access-list standard M\n 10 permit 10.0.0.1\nline vty 0 4\n access-class M in\n"
        commands = backout(before, "line vty 0 4\nno access-class M in\nno ip access-list standard M", XE)
        assert commands.index("ip access-list standard M") < commands.index("line vty 0 4")

    @given(
        now=st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1, max_size=6),
        then=st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1, max_size=6),
        numbered=st.booleans(),
        start=st.integers(1, 20),
    )
    def test_edits_reach_the_target_and_never_empty_the_list(
        self, now: list[str], then: list[str], numbered: bool, start: int
    ) -> None:
        block = Node("ip access-list extended M", [Node(f"permit {name}") for name in now])
        target = Node("", [Node(f"permit {name}") for name in then])
        number_entries(block, start, 7)
        number_entries(target, 10, 10)
        wanted = [child.text for child in target.children]
        if not numbered:
            wanted = [split_number(text)[1] for text in wanted]
        shown = [Node(text if numbered else split_number(text)[1]) for text in (c.text for c in block.children)]
        edit = edit_list(shown, [Node(text) for text in wanted], can_renumber=True)
        if edit.renumber_first:
            number_entries(block, *edit.renumber_first)
        for command in edit.inside:
            if command.startswith("no "):
                remove_entry(block, command[3:])
            else:
                assert add_entry(block, command), command
            assert block.children, command
        if edit.renumber_last:
            number_entries(block, *edit.renumber_last)
        texts = [child.text for child in block.children]
        assert (texts if numbered else [split_number(text)[1] for text in texts]) == wanted


@pytest.mark.parametrize(
    ("slug", "before", "change", "expected"),
    [
        (
            "cisco_nxos",
            "interface Vlan10\n  no shutdown\n  ip address 10.0.0.1/24\n",
            "interface Vlan10\nip address 10.0.0.2/24\nshutdown",
            ["interface Vlan10", "  ip address 10.0.0.1/24", "  no shutdown", "exit"],
        ),
        (
            "cisco_nxos",
            "router bgp 65000\n  neighbor 10.0.0.1\n    remote-as 65001\n",
            "router bgp 65000\nneighbor 10.0.0.1\nremote-as 65002",
            ["router bgp 65000", "  neighbor 10.0.0.1", "    remote-as 65001", "  exit", "exit"],
        ),
        (
            "arista_eos",
            "interface Ethernet1\n   no switchport\n   ip address 10.0.0.1/31\n",
            "interface Et1\nip address 10.0.0.3/31",
            ["interface Ethernet1", "   ip address 10.0.0.1/31", "exit"],
        ),
        ("arista_eos", "banner motd\nHello\nEOF\n", "banner motd\nBye\nEOF", ["banner motd", "Hello", "EOF"]),
        (
            "frr",
            "ip route 10.0.0.0/8 192.0.2.1\n",
            "no ip route 10.0.0.0/8 192.0.2.1",
            ["ip route 10.0.0.0/8 192.0.2.1"],
        ),
    ],
)
def test_other_platforms(slug: str, before: str, change: str, expected: list[str]) -> None:
    assert backout(before, change, platform_for(slug)) == expected
