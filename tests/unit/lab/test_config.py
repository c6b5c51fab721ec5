"""What lines do to the configuration."""

import pytest

from devices.lab.ios.config import ConfigSession
from devices.lab.ios.errors import AmbiguousError, IncompleteError, InvalidInputError, RefusedError
from devices.lab.ios.render import config_text
from tests.unit.lab.ios import BASE, config, difference, refusal, section, typed

PORT = "interface GigabitEthernet1/0/1"


def test_single_valued_lines_replace_their_old_value() -> None:
    assert difference(["hostname sw2"]) == (["hostname sw1"], ["hostname sw2"])
    text = typed([PORT, "description one", "description two", "mtu 9000"])
    assert section(PORT, text) == ["description two", "mtu 9000"]


def test_many_valued_lines_add_up_and_keep_the_order_of_entry() -> None:
    text = typed(["ntp server 198.51.100.9", "ntp server 198.51.100.2"])
    lines = [line for line in text.splitlines() if line.startswith("ntp server")]
    assert lines == [f"ntp server 198.51.100.{last}" for last in (1, 9, 2)]


def test_options_of_one_server_are_replaced() -> None:
    assert difference(["ntp server 198.51.100.1 prefer"])[1] == ["ntp server 198.51.100.1 prefer"]


@pytest.mark.parametrize("line", ["no ntp server 198.51.100.1", "no ntp", "no nt serv 198.51.100.1"])
def test_no_takes_a_line_away_by_its_key_or_a_prefix(line: str) -> None:
    assert difference([line]) == (["ntp server 198.51.100.1"], [])


def test_no_ignores_options_after_the_key() -> None:
    with_prefer = BASE + "ntp server 198.51.100.7 prefer\n"
    assert difference(["no ntp server 198.51.100.7"], with_prefer)[0] == ["ntp server 198.51.100.7 prefer"]


def test_no_of_something_that_is_not_there_changes_nothing() -> None:
    assert difference(["no ntp server 203.0.113.1", "no snmp-server", "no interface Loopback7"]) == ([], [])


def test_defaults_are_not_shown() -> None:
    text = typed([PORT, "switchport access vlan 10", "mtu 9000", "switchport access vlan 1", "mtu 1500"])
    assert section(PORT, text) == []


def test_what_is_on_by_default_shows_its_negation_alone() -> None:
    assert difference(["no ip domain-lookup"]) == ([], ["no ip domain-lookup"])
    assert difference(["no ip domain-lookup", "ip domain-lookup"]) == ([], [])
    assert difference(["no ip domain-lookup", "default ip domain-lookup"]) == ([], [])


def test_shutdown_is_shown_and_no_shutdown_is_not() -> None:
    assert section(PORT, typed([PORT, "shutdown"])) == ["shutdown"]
    assert section(PORT, typed([PORT, "shutdown", "no shutdown"])) == []


def test_older_spellings_mean_the_same_line() -> None:
    assert difference(["ip domain name example.net"]) == ([], ["ip domain-name example.net"])
    assert difference(["logging 192.0.2.9"]) == ([], ["logging host 192.0.2.9"])
    assert difference(["no ip domain lookup"]) == ([], ["no ip domain-lookup"])


def test_a_line_of_the_mode_around_leaves_the_sub_mode() -> None:
    changed = config()
    session = ConfigSession(changed)
    session.execute(PORT)
    assert session.prompt == "config-if"
    session.execute("ntp server 203.0.113.1")
    assert session.prompt == "config"


def test_exit_leaves_one_mode_and_end_all() -> None:
    session = ConfigSession(config())
    for line in ("policy-map P", "class C"):
        session.execute(line)
    assert session.prompt == "config-pmap-c"
    session.execute("exit")
    assert session.prompt == "config-pmap"
    session.execute("class D")
    session.execute("end")
    assert session.ended


def test_a_refused_line_stays_in_its_mode() -> None:
    session = ConfigSession(config())
    session.execute(PORT)
    with pytest.raises(InvalidInputError):
        session.execute("nonsense")
    assert session.prompt == "config-if"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("nonsense", InvalidInputError),
        ("ntp server", IncompleteError),
        ("no", IncompleteError),
        ("s", AmbiguousError),
        ("interface GigabitEthernet7/0/1", RefusedError),
        ("no interface GigabitEthernet1/0/1", RefusedError),
        ("no vlan 1", RefusedError),
        ("vlan 5000", InvalidInputError),
        ("interface range Gi1/0/1 to 4", RefusedError),
        ("ip access-list resequence MISSING 10 10", RefusedError),
    ],
)
def test_refused_lines_change_nothing(line: str, error: type[Exception]) -> None:
    assert isinstance(refusal(line), error)


class TestAddresses:
    def test_a_layer_3_interface_says_that_it_has_no_address(self) -> None:
        text = typed(["interface Loopback0", "interface Vlan20"])
        assert section("interface Loopback0", text) == ["no ip address"]
        assert section("interface Vlan20", text) == ["no ip address"]

    def test_an_address_replaces_the_old_one_and_no_brings_the_words_back(self) -> None:
        vlan = "interface Vlan10"
        assert section(vlan, typed([vlan, "ip address 203.0.113.1 255.255.255.0"])) == [
            "ip address 203.0.113.1 255.255.255.0"
        ]
        assert section(vlan, typed([vlan, "no ip address"])) == ["no ip address"]
        assert section(vlan, typed([vlan, "no ip address 9.9.9.9 255.0.0.0"])) == ["ip address 192.0.2.1 255.255.255.0"]

    def test_secondary_addresses_stand_beside_and_go_with_the_first(self) -> None:
        vlan = "interface Vlan10"
        second = "ip address 203.0.113.1 255.255.255.0 secondary"
        assert section(vlan, typed([vlan, second])) == ["ip address 192.0.2.1 255.255.255.0", second]
        assert section(vlan, typed([vlan, second, "no ip address"])) == ["no ip address"]

    def test_overlapping_and_impossible_addresses_are_refused(self) -> None:
        for line in ("ip address 192.0.2.9 255.255.255.128", "ip address 203.0.113.1 255.0.255.0"):
            assert isinstance(refusal(line, after=["interface Vlan20"]), RefusedError)
        assert isinstance(refusal("ip address 203.0.113.1 255.255.255.0", after=[PORT]), RefusedError)

    def test_no_switchport_makes_a_routed_port_and_switchport_undoes_it(self) -> None:
        lines = [PORT, "switchport mode access", "no switchport", "ip address 203.0.113.1 255.255.255.0"]
        assert section(PORT, typed(lines)) == ["no switchport", "ip address 203.0.113.1 255.255.255.0"]
        assert section(PORT, typed([*lines, "switchport"])) == []

    def test_switching_settings_are_refused_on_a_routed_port(self) -> None:
        for head in ([PORT, "no switchport"], ["interface Vlan10"]):
            error = refusal("switchport access vlan 10", after=head)
            assert isinstance(error, RefusedError)
            assert error.message.startswith("Command rejected: ")


class TestVlans:
    def test_a_list_makes_several_and_lines_go_to_each(self) -> None:
        text = typed(["vlan 20-22", "shutdown", "no vlan 21"])
        assert section("vlan 20", text) == ["shutdown"]
        assert "vlan 21" not in text
        assert section("vlan 10", text) == ["name users"]

    def test_vlans_stand_in_the_order_of_their_numbers(self) -> None:
        text = typed(["vlan 100", "vlan 9"])
        assert [line for line in text.splitlines() if line.startswith("vlan ")] == ["vlan 9", "vlan 10", "vlan 100"]

    def test_an_access_port_creates_its_vlan_with_a_remark(self) -> None:
        changed = config()
        session = ConfigSession(changed)
        session.execute(PORT)
        assert session.execute("switchport access vlan 30") == ["% Access VLAN does not exist. Creating vlan 30"]
        assert "vlan 30\n" in config_text(changed)

    @pytest.mark.parametrize(
        ("lines", "shown"),
        [
            (["allowed vlan 10,20"], ["switchport trunk allowed vlan 10,20"]),
            (["allowed vlan 10,20", "allowed vlan add 21,22"], ["switchport trunk allowed vlan 10,20-22"]),
            (["allowed vlan 10,20", "allowed vlan remove 10"], ["switchport trunk allowed vlan 20"]),
            (["allowed vlan except 1-4000"], ["switchport trunk allowed vlan 4001-4094"]),
            (["allowed vlan none"], ["switchport trunk allowed vlan none"]),
            (["allowed vlan 10", "allowed vlan all"], []),
        ],
    )
    def test_allowed_vlans_can_be_added_and_removed(self, lines: list[str], shown: list[str]) -> None:
        assert section(PORT, typed([PORT, *(f"switchport trunk {line}" for line in lines)])) == shown


class TestOrderedLists:
    LIST = "ip access-list extended EDGE"

    def test_entries_without_a_number_go_to_the_end(self) -> None:
        lines = [self.LIST, "permit tcp any any eq 22", "deny ip any any", "15 permit udp any any"]
        assert section(self.LIST, typed(lines)) == [
            "permit tcp any any eq 22",
            "permit udp any any",
            "deny ip any any",
        ]
        assert section(self.LIST, typed(lines, numbered_lists=True)) == [
            "10 permit tcp any any eq 22",
            "15 permit udp any any",
            "20 deny ip any any",
        ]

    def test_an_entry_is_removed_by_number_or_by_content(self) -> None:
        lines = [self.LIST, "permit tcp any any eq 22", "deny ip any any"]
        assert section(self.LIST, typed([*lines, "no 10"])) == ["deny ip any any"]
        assert section(self.LIST, typed([*lines, "no deny ip any any"])) == ["permit tcp any any eq 22"]

    def test_the_same_entry_twice_is_one_and_a_taken_number_is_refused(self) -> None:
        lines = [self.LIST, "10 deny ip any any"]
        assert section(self.LIST, typed([*lines, "deny ip any any"])) == ["deny ip any any"]
        assert isinstance(refusal("10 permit ip any any", after=lines), RefusedError)

    def test_a_remark_may_stand_at_several_places(self) -> None:
        lines = [self.LIST, "remark ----", "permit tcp any any", "remark ----"]
        assert section(self.LIST, typed(lines)) == lines[1:]
        assert section(self.LIST, typed([*lines, "no remark ----"])) == lines[2:]
        assert section(self.LIST, typed([*lines, "no 30 remark ----"])) == lines[1:3]

    def test_resequencing_gives_new_numbers(self) -> None:
        lines = [self.LIST, "5 permit tcp any any", "6 deny ip any any", "ip access-list resequence EDGE 100 10"]
        assert section(self.LIST, typed(lines, numbered_lists=True)) == [
            "100 permit tcp any any",
            "110 deny ip any any",
        ]

    @pytest.mark.parametrize(
        ("typed_entry", "kept"),
        [
            ("per tcp host 192.0.2.1 eq 443 any", "permit tcp host 192.0.2.1 eq 443 any"),
            ("permit udp any range 100 200 any log", "permit udp any range 100 200 any log"),
            ("deny icmp any any echo-rep", "deny icmp any any echo-reply"),
            ("permit 50 any any", "permit 50 any any"),
            ("permit tcp 192.0.2.0 0.0.0.255 any est", "permit tcp 192.0.2.0 0.0.0.255 any established"),
            ("remark keep  this", "remark keep  this"),
        ],
    )
    def test_entries_are_written_out(self, typed_entry: str, kept: str) -> None:
        assert section(self.LIST, typed([self.LIST, typed_entry])) == [kept]

    @pytest.mark.parametrize(
        ("line", "error"),
        [
            ("permit", IncompleteError),
            ("permit tcp any", IncompleteError),
            ("permit bogus any any", InvalidInputError),
            ("permit ip any eq 22 any", InvalidInputError),
            ("permit tcp any any eq 70000", InvalidInputError),
            ("permit ip 192.0.2.1 any", InvalidInputError),
            ("permit i any any", AmbiguousError),
        ],
    )
    def test_malformed_entries_are_refused(self, line: str, error: type[Exception]) -> None:
        assert isinstance(refusal(line, after=[self.LIST]), error)

    def test_standard_lists_take_hosts_and_wildcards(self) -> None:
        name = "ip access-list standard MGMT"
        lines = [name, "permit host 192.0.2.1", "permit 198.51.100.0 0.0.0.255", "deny any log"]
        assert section(name, typed(lines)) == ["permit 192.0.2.1", "permit 198.51.100.0 0.0.0.255", "deny any log"]

    def test_negating_one_line_of_a_numbered_list_deletes_the_list(self) -> None:
        lines = ["access-list 10 permit 192.0.2.1", "access-list 10 deny any", "access-list 5 permit any"]
        text = typed(lines)
        shown = [line for line in text.splitlines() if line.startswith("access-list")]
        assert shown == [lines[2], lines[0], lines[1]]
        assert "access-list 10" not in typed([*lines, "no access-list 10 deny any"])

    def test_prefix_lists_number_themselves(self) -> None:
        lines = ["ip prefix-list P permit 192.0.2.0/24 le 32", "ip prefix-list P deny 0.0.0.0/0"]
        text = typed(lines)
        assert "ip prefix-list P seq 5 permit 192.0.2.0/24 le 32\nip prefix-list P seq 10 deny 0.0.0.0/0" in text
        assert "seq 10" not in typed([*lines, "no ip prefix-list P deny 0.0.0.0/0"])
        assert "prefix-list" not in typed([*lines, "no ip prefix-list P"])


class TestBanners:
    def test_text_runs_to_the_delimiter_whatever_it_looks_like(self) -> None:
        lines = [
            "banner motd #",
            "  sw1(config)# is not here".replace("#", "%"),
            "",
            "no ntp",
            "#",
            "ntp server 203.0.113.9",
        ]
        text = typed(lines)
        assert "banner motd ^C\n  sw1(config)% is not here\n\nno ntp\n^C\n" in text
        assert "ntp server 198.51.100.1" in text
        assert "ntp server 203.0.113.9" in text

    def test_one_line_is_enough_and_a_new_banner_replaces_the_old(self) -> None:
        assert "banner motd ^Cone^C\n" in typed(["banner motd $two$", "ban motd $one$"])
        assert "banner" not in typed(["banner motd $two$", "no banner motd"])

    def test_the_printed_form_can_be_typed_again(self) -> None:
        text = typed(["banner login $", "a", "b$ rest is dropped"])
        assert "banner login ^C\na\nb^C\n" in text
        assert config_text(config(text)) == text

    def test_until_it_ends_there_is_no_prompt(self) -> None:
        session = ConfigSession(config())
        assert session.execute("banner motd @") == ["Enter TEXT message.  End with the character '@'."]
        assert session.prompt == ""
        session.execute("no ntp server 198.51.100.1")
        session.execute("@")
        assert session.prompt == "config"


class TestGroups:
    def test_a_range_of_interfaces_takes_each_line(self) -> None:
        changed = config()
        session = ConfigSession(changed)
        session.execute("interface range gi1/0/1 - 2 , gi1/0/4")
        assert session.prompt == "config-if-range"
        session.execute("shutdown")
        text = config_text(changed)
        down = [n for n in range(1, 5) if section(f"interface GigabitEthernet1/0/{n}", text)]
        assert down == [1, 2, 4]

    def test_a_line_that_one_interface_of_a_range_refuses_is_taken_by_none(self) -> None:
        lines = ["interface Gi1/0/2", "no switchport", "interface range Gi1/0/1 - 2"]
        assert isinstance(refusal("switchport mode trunk", after=lines), RefusedError)

    def test_terminal_lines_are_grouped_by_their_settings(self) -> None:
        text = typed(["line vty 0 4", "transport input ssh", "line vty 0 1", "exec-timeout 5 0"])
        assert section("line vty 0 1", text) == ["exec-timeout 5 0", "transport input ssh"]
        assert section("line vty 2 4", text) == ["transport input ssh"]
        assert section("line vty 5 15", text) == []

    def test_one_list_per_direction(self) -> None:
        lines = ["interface Vlan10", "ip access-group A in", "ip access-group B out", "ip access-group C in"]
        shown = section("interface Vlan10", typed(lines))
        assert shown[1:] == ["ip access-group C in", "ip access-group B out"]

    def test_default_interface_forgets_everything(self) -> None:
        lines = [PORT, "description x", "shutdown"]
        assert section(PORT, typed([*lines, f"default {PORT}"])) == []
        vlan = "interface Vlan10"
        assert section(vlan, typed([vlan, "shutdown", f"default {vlan}"])) == ["no ip address"]


class TestRouting:
    BGP = "router bgp 65000"

    def test_a_neighbor_needs_its_as_first_and_takes_its_lines_along(self) -> None:
        peer = ["neighbor 192.0.2.2 remote-as 65001", "neighbor 192.0.2.2 description peer"]
        assert isinstance(refusal(peer[1], after=[self.BGP]), RefusedError)
        assert section(self.BGP, typed([self.BGP, *peer])) == peer
        assert section(self.BGP, typed([self.BGP, *peer, "no neighbor 192.0.2.2 remote-as 65001"])) == []
        assert section(self.BGP, typed([self.BGP, *peer, "no neighbor 192.0.2.2"])) == []

    def test_there_is_one_bgp_process(self) -> None:
        error = refusal("router bgp 65009", after=[self.BGP])
        assert isinstance(error, RefusedError)
        assert error.message == "BGP is already running; AS is 65000"

    def test_address_families_are_sections_of_their_own(self) -> None:
        text = typed([self.BGP, "neighbor 192.0.2.2 remote-as 1", "address-family ipv4", "network 198.51.100.0"])
        assert " address-family ipv4\n  network 198.51.100.0\n exit-address-family\n" in text
        assert config_text(config(text)) == text

    def test_static_routes_go_by_prefix_or_by_next_hop(self) -> None:
        routes = ["ip route 0.0.0.0 0.0.0.0 192.0.2.1", "ip route 0.0.0.0 0.0.0.0 192.0.2.2 250"]
        assert difference([*routes, "no ip route 0.0.0.0 0.0.0.0 192.0.2.1"])[1] == [routes[1]]
        assert difference([*routes, "no ip route 0.0.0.0 0.0.0.0"])[1] == []

    def test_passive_interfaces_are_negated_against_the_default(self) -> None:
        ospf = "router ospf 1"
        lines = [ospf, "passive-interface default", "no passive-interface Vlan10"]
        assert section(ospf, typed(lines)) == ["passive-interface default", "no passive-interface Vlan10"]
        assert section(ospf, typed([*lines, "passive-interface Vlan10"])) == ["passive-interface default"]


def test_secrets_typed_in_clear_are_kept_hashed() -> None:
    text = typed(["enable secret topsecret", "username bob privilege 15", "username bob secret hunter2"])
    assert "topsecret" not in text
    assert "hunter2" not in text
    assert "username bob privilege 15 secret 5 $1$" in text
    assert typed(["enable secret 5 $1$abcd$efgh"]).count("enable secret 5 $1$abcd$efgh") == 1


def test_name_servers_add_up_and_go_one_by_one() -> None:
    lines = ["ip name-server 192.0.2.3 192.0.2.4", "no ip name-server 192.0.2.3"]
    assert difference(lines)[1] == ["ip name-server 192.0.2.4"]


def test_a_channel_group_creates_its_port_channel() -> None:
    assert "interface Port-channel7\n" in typed([PORT, "channel-group 7 mode active"])


def test_portfast_warns_and_works() -> None:
    session = ConfigSession(config())
    session.execute(PORT)
    assert session.execute("spanning-tree portfast")[0].startswith("%Warning: portfast should only")
