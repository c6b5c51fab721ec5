"""Modes, questions and outputs of one session, without a network."""

import pytest

from devices.lab.ios.errors import RefusedError
from devices.lab.ios.render import config_text
from tests.unit.lab.ios import BASE, Clock, config, machine, say, shell

ARCHIVE = BASE + "archive\n path flash:archive\n"


def test_prompts_follow_the_mode() -> None:
    session = shell(privileged=False)
    seen = [session.prompt]
    for line in ("enable", "configure terminal", "interface vlan 10", "exit", "end", "disable"):
        session.execute(line)
        seen.append(session.prompt)
    assert seen == ["sw1>", "sw1#", "sw1(config)#", "sw1(config-if)#", "sw1(config)#", "sw1#", "sw1>"]


def test_a_long_hostname_is_cut_in_configuration_prompts() -> None:
    session = shell(machine("hostname a-very-long-hostname-indeed\n"))
    session.execute("configure terminal")
    assert session.prompt == "a-very-long-hostname(config)#"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("show nonsense", "          ^\n% Invalid input detected at '^' marker.\n\n"),
        ("show", "% Incomplete command.\n\n"),
        ("show i", '% Ambiguous command:  "show i"\n'),
        (
            "nonsense",
            "% Bad IP address or host name\n% Unknown command or computer name, or unable to find computer address\n",
        ),
        ("show version | nonsense x", "                    ^\n% Invalid input detected at '^' marker.\n\n"),
        ("show version | include (", "% Failed to compile regular expression\n"),
    ],
)
def test_errors_are_worded_and_marked_like_ios(line: str, words: str) -> None:
    session = shell()
    marker = words.partition("^")[0]
    reply = session.execute(line)
    assert reply.result != "ok"
    if marker.isspace():
        assert reply.text.partition("^")[0] == " " * (len("sw1#") + line.index("nonsense"))
        assert reply.text.partition("\n")[2] == words.partition("\n")[2]
    else:
        assert reply.text == words


def test_user_mode_sees_no_configuration() -> None:
    session = shell(privileged=False, enable_secret="s3cret")
    assert "Invalid input" in say(session, "show running-config")
    assert "Invalid input" in say(session, "configure terminal")
    assert "Version" in say(session, "show version")


def test_enable_asks_for_the_secret_and_hides_it() -> None:
    session = shell(privileged=False, enable_secret="s3cret")
    session.execute("enable")
    assert session.prompt == "Password: "
    assert session.hides_input
    assert session.execute("wrong").result == "denied"
    assert session.prompt == "sw1>"
    say(session, "enable", "s3cret")
    assert session.prompt == "sw1#"


def test_running_and_startup_stand_apart_until_saved() -> None:
    box = machine()
    session = shell(box)
    say(session, "configure terminal", "hostname sw9", "end")
    assert "hostname sw9" in say(session, "show running-config")
    assert "hostname sw1" in say(session, "show startup-config")
    assert box.unsaved
    assert say(session, "write memory") == "Building configuration...\n[OK]\n"
    assert "hostname sw9" in say(session, "show startup-config")
    assert not box.unsaved


def test_a_reload_loses_what_was_not_saved_and_asks_first() -> None:
    box = machine()
    session = shell(box)
    say(session, "configure terminal", "hostname sw9", "end", "reload")
    assert session.prompt.startswith("System configuration has been modified")
    session.execute("no")
    assert session.execute("").reboots
    box.reboot()
    assert box.hostname == "sw1"


def test_saying_yes_before_a_reload_saves() -> None:
    box = machine()
    session = shell(box)
    say(session, "configure terminal", "hostname sw9", "end", "reload", "yes")
    assert session.execute("").reboots
    box.reboot()
    assert box.hostname == "sw9"


def test_a_reload_is_called_off_by_any_other_answer() -> None:
    session = shell()
    session.execute("reload")
    assert not session.execute("n").reboots
    assert session.prompt == "sw1#"


def test_a_full_disk_refuses_every_way_of_saving() -> None:
    box = machine()
    box.disk_full = True
    before = box.startup
    session = shell(box)
    say(session, "configure terminal", "hostname sw9", "end")
    assert "No space left on device" in say(session, "write memory")
    assert "No space left on device" in say(session, "copy running-config startup-config", "")
    assert "No space left on device" in say(session, "copy running-config flash:x", "")
    assert box.startup == before
    assert box.files == {}


def test_do_runs_exec_commands_in_configuration_mode() -> None:
    session = shell()
    say(session, "configure terminal", "interface vlan 10")
    assert "UTC" in say(session, "do show clock")
    assert session.prompt == "sw1(config-if)#"
    assert "Incomplete" in say(session, "do")


def test_filters_take_what_they_promise() -> None:
    session = shell()
    assert say(session, "show running-config | include ntp") == "ntp server 198.51.100.1\n"
    assert say(session, "show run | section ^interface Vlan10") == (
        "interface Vlan10\n ip address 192.0.2.1 255.255.255.0\n"
    )
    assert say(session, "show run | begin ^ntp").startswith("ntp server 198.51.100.1\n")
    assert "ntp" not in say(session, "show run | exclude ntp")


def test_the_volatile_header_is_there_and_says_who_changed_what_when() -> None:
    session = shell()
    say(session, "configure terminal", "hostname sw1", "end", "write memory")
    lines = say(session, "show running-config").splitlines()
    assert lines[0] == "Building configuration..."
    assert lines[2].startswith("Current configuration : ")
    assert "! Last configuration change at 03:04:05 UTC Fri Jan 2 2026 by lab" in lines
    assert "! NVRAM config last updated at 03:04:05 UTC Fri Jan 2 2026" in lines
    assert lines[-1] == "end"


def test_show_version_and_inventory_name_the_hardware() -> None:
    session = shell()
    version = say(session, "show version")
    assert "Version 15.2(7)E8" in version
    assert "sw1 uptime is" in version
    assert "Processor board ID FOC1" in version
    assert "SN: FOC1" in say(session, "show inventory")


def test_a_device_may_claim_to_be_another() -> None:
    box = machine()
    box.seen_as = ("impostor", "FOC666")
    session = shell(box)
    assert session.prompt == "impostor#"
    assert "FOC666" in say(session, "show version")
    assert "FOC1" not in say(session, "show version") + say(session, "show inventory")


def test_tables_follow_the_configuration() -> None:
    session = shell()
    say(
        session,
        "configure terminal",
        "int gi1/0/1",
        "shutdown",
        "description uplink",
        "ntp server 9.9.9.9 prefer",
        "end",
    )
    assert "*~9.9.9.9" in say(session, "show ntp associations")
    assert "reference is 9.9.9.9" in say(session, "show ntp status")
    assert "administratively down" in say(session, "show ip interface brief")
    assert "disabled" in say(session, "show interfaces status | include Gi1/0/1")
    assert "uplink" in say(session, "show interfaces description")
    assert "users" in say(session, "show vlan brief")
    assert "via" not in say(session, "show ip route")
    assert say(session, "show privilege") == "Current privilege level is 15\n"


def test_access_lists_are_shown_with_their_numbers() -> None:
    session = shell()
    say(session, "configure terminal", "ip access-list standard M", "permit 192.0.2.1", "end")
    assert say(session, "show access-lists M") == "Standard IP access list M\n    10 permit 192.0.2.1\n"
    assert say(session, "show ip access-lists OTHER") == ""


def test_archive_differences_name_what_was_added_and_taken() -> None:
    session = shell()
    assert "!No changes were found" in say(session, "write memory", "show archive config differences")
    say(session, "configure terminal", "int vlan 10", "no ip address", "ntp server 9.9.9.9", "end")
    difference = say(session, "show archive config differences").splitlines()
    assert "+ntp server 9.9.9.9" in difference
    assert " interface Vlan10" in difference
    assert "- ip address 192.0.2.1 255.255.255.0" in difference
    assert "+ no ip address" in difference


def test_configure_replace_restores_a_saved_file_exactly() -> None:
    box = machine()
    session = shell(box)
    before = config_text(box.running)
    say(session, "copy running-config flash:before", "")
    say(session, "configure terminal", "no ntp", "hostname other", "vlan 77", "end")
    assert config_text(box.running) != before
    assert "Rollback Done" in say(session, "configure replace flash:before force")
    assert config_text(box.running) == before
    assert "No such file" in say(session, "configure replace flash:missing force")


def test_configure_replace_without_force_asks() -> None:
    session = shell()
    say(session, "copy running-config flash:before", "", "configure terminal", "hostname other", "end")
    session.execute("configure replace flash:before")
    assert session.prompt.endswith("[no]: ")
    session.execute("")
    assert session.prompt == "other#"
    say(session, "configure replace flash:before", "y")
    assert session.prompt == "sw1#"


class TestRevertTimer:
    def test_without_confirmation_the_old_configuration_comes_back(self) -> None:
        clock = Clock()
        box = machine(ARCHIVE, clock)
        session = shell(box)
        say(session, "configure terminal revert timer 5", "ntp server 9.9.9.9", "end")
        clock.forward(minutes=4, seconds=59)
        assert not box.tick()
        assert "9.9.9.9" in config_text(box.running)
        clock.forward(seconds=1)
        assert box.tick()
        assert "9.9.9.9" not in config_text(box.running)

    def test_a_confirmed_change_stays(self) -> None:
        clock = Clock()
        box = machine(ARCHIVE, clock)
        session = shell(box)
        say(session, "configure terminal revert timer 5", "ntp server 9.9.9.9", "end", "configure confirm")
        clock.forward(hours=1)
        assert not box.tick()
        assert "9.9.9.9" in config_text(box.running)

    def test_reverting_now_does_not_wait(self) -> None:
        box = machine(ARCHIVE)
        session = shell(box)
        say(session, "configure terminal revert timer 5", "ntp server 9.9.9.9", "end", "configure revert now")
        assert "9.9.9.9" not in config_text(box.running)

    def test_it_needs_an_archive_and_nothing_pending(self) -> None:
        assert "archive" in say(shell(), "configure terminal revert timer 5")
        session = shell(machine(ARCHIVE))
        say(session, "configure terminal revert timer 5", "end")
        assert "already pending" in say(session, "configure terminal revert timer 5")
        assert "No Rollback Confirmed Change pending" in say(shell(), "configure confirm", "configure revert now")

    def test_a_session_in_configuration_mode_survives_the_revert(self) -> None:
        clock = Clock()
        box = machine(ARCHIVE, clock)
        session = shell(box)
        say(session, "configure terminal revert timer 1", "ntp server 9.9.9.9")
        clock.forward(minutes=2)
        box.tick()
        say(session, "ntp server 8.8.8.8")
        text = config_text(box.running)
        assert "9.9.9.9" not in text
        assert "8.8.8.8" in text


def test_an_edit_out_of_band_is_seen_by_all_and_can_be_refused() -> None:
    box = machine()
    box.edit(["ntp server 9.9.9.9"])
    assert "9.9.9.9" in say(shell(box), "show run | include ntp")
    with pytest.raises(RefusedError):
        box.edit(["no vlan 1"])


def test_erasing_the_startup_leaves_a_bare_device_after_a_reboot() -> None:
    box = machine()
    say(shell(box), "write erase", "")
    box.reboot()
    assert config_text(box.running) == config_text(config(""))
    assert box.hostname == "Switch"


def test_files_can_be_listed_and_read() -> None:
    session = shell()
    say(session, "copy running-config flash:kept", "")
    assert "kept" in say(session, "dir")
    assert "ntp server 198.51.100.1" in say(session, "more flash:kept")
    assert "No such file" in say(session, "more flash:other")


def test_a_range_of_lines_that_runs_backwards_is_refused() -> None:
    session = shell()
    assert session.execute("configure terminal").result == "ok"
    assert session.execute("line vty 9 0").result == "error"


def test_an_entry_of_a_route_map_is_known_by_its_number() -> None:
    session = shell()
    lines = ["configure terminal", "route-map X permit 10", "match ip address prefix-list P", "route-map X deny 10"]
    assert [session.execute(line).result for line in lines] == ["ok"] * 4
    shown = session.execute("do show running-config | section route-map").text
    assert shown.splitlines() == ["route-map X deny 10", " match ip address prefix-list P"]


def test_a_neighbor_takes_its_lines_in_address_families_along() -> None:
    session = shell()
    for line in (
        "configure terminal",
        "router bgp 65000",
        "neighbor 10.0.0.1 remote-as 65001",
        "address-family ipv4",
        "neighbor 10.0.0.1 route-map A in",
        "neighbor 10.0.0.1 route-map B in",
        "exit",
    ):
        assert session.execute(line).result == "ok", line
    assert session.execute("do show running-config | include route-map").text == "  neighbor 10.0.0.1 route-map B in\n"
    assert session.execute("no neighbor 10.0.0.1").result == "ok"
    assert "10.0.0.1" not in session.execute("do show running-config | section router bgp").text


def test_a_prefix_list_refuses_what_it_holds_under_another_number() -> None:
    session = shell()
    session.execute("configure terminal")
    assert session.execute("ip prefix-list P seq 5 permit 10.0.0.0/8").result == "ok"
    assert session.execute("ip prefix-list P seq 10 permit 10.0.0.0/8").text.startswith("% Insertion failed")
