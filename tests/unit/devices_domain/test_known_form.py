"""Taking known blocks as they are gives what reading the whole text gives, however the text was changed."""

import random
import re
from collections.abc import Callable
from typing import Final

import pytest

from devices.domain import known_form
from devices.domain.config_text import normalise, parse
from devices.domain.config_tree import Node
from devices.domain.known_form import normalise_known
from devices.domain.platforms import PLATFORMS, Platform, platform_for

IOS: Final = platform_for("cisco_ios")
CONFIG: Final = """\
Building configuration...
!
version 15.2
hostname sw1
!
banner motd ^C
 keep out
!
interface of nobody
^C
aaa new-model
vlan 10,20
vlan 30
 name users
!
crypto pki certificate chain X
 certificate ca 01
  308201AB 12345678
  \tquit
interface Vlan10
 no ip address
!
interface GigabitEthernet1/0/2
 switchport trunk allowed vlan 1-3
 switchport trunk allowed vlan add 7
 description to sw2
!
interface GigabitEthernet1/0/1
 shutdown
!
router bgp 65000
 neighbor 10.0.0.1 remote-as 65001
 address-family ipv4
  neighbor 10.0.0.1 activate
 exit-address-family
!
ip access-list extended IN
 permit ip any any
 deny ip any any log
ip route 10.0.0.0 255.0.0.0 192.0.2.1
ip name-server 192.0.2.1 192.0.2.2
line vty 0 4
 login
line vty 5 15
 login
ntp clock-period 36029056
end
"""
STRANGE: Final = (
    "banner motd ^C", "words ^C", "banner motd", "EOF", " banner login #", "#", "menu a title ^C", "!", " !", "",
    "exit", "end", "quit", " exit-address-family", "certificate ca 01", "  3082 12345678", "3082 12345678",
    "vlan 10,20-22",
    "\x0bline", "\xa0line", "\tdescription tab", "interface GigabitEthernet1/0/1", " shutdown", "interface Vlan10",
    " switchport trunk allowed vlan add 5", "ip name-server 192.0.2.9 192.0.2.1", "no ip route 0.0.0.0 0.0.0.0",
    "route-policy A", "end-policy", "aaa authentication banner ^Chello^C", "description x\r",
)  # fmt: skip


def _changed(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(chance.randrange(6)):
        at = chance.randrange(len(lines))
        match chance.randrange(5):
            case 0:
                lines.insert(at, chance.choice(CONFIG.split("\n")))
            case 1:
                lines.insert(at, chance.choice(STRANGE))
            case 2 if len(lines) > 1:
                del lines[at]
            case 3:
                lines.insert(at, lines.pop(chance.randrange(len(lines))))
            case _:
                blocks = re.split(r"\n(?=\S)", "\n".join(lines))
                chance.shuffle(blocks)
                lines = "\n".join(blocks).split("\n")
    return "\n".join(lines)


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=PLATFORMS)
def test_known_blocks_change_nothing(platform: Platform) -> None:
    chance = random.Random(platform.slug)
    for _ in range(300):
        text, earlier = _changed(CONFIG, chance), _changed(CONFIG, chance)
        known = normalise(earlier, platform)
        assert normalise_known(text, platform, known) == normalise(text, platform), f"{text!r} after {earlier!r}"


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Counts how often a text was read as a whole, and which blocks were read alone."""
    calls: list[str] = []

    def read(text: str, platform: Platform) -> str:
        calls.append(text)
        return normalise(text, platform)

    monkeypatch.setattr(known_form, "normalise", read)
    return lambda: len(calls)


def test_an_ordinary_configuration_is_not_read_as_a_whole(
    whole: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = normalise(CONFIG, IOS)
    read: list[str] = []

    def noted(text: str, platform: Platform) -> Node:
        read.append(text)
        return parse(text, platform)

    monkeypatch.setattr(known_form, "parse", noted)
    new = CONFIG.replace("description to sw2", "description to sw3")
    assert normalise_known(new, IOS, known) == normalise(new, IOS)
    assert whole() == 0
    assert [text.split("\n")[0] for text in read if "sw3" in text] == ["interface GigabitEthernet1/0/2"]
    assert "interface Vlan10\n no ip address" not in read


@pytest.mark.parametrize(
    "text",
    [
        " indented first\nhostname a\n",
        "interface Vlan1\n!\n description below a comment\n",
        "interface Vlan1\n shutdown\nhostname a\ninterface Vlan1\n mtu 9000\n",
        "line\n banner motd ^C\nno block\n^C\n",
        "crypto pki certificate chain X\n certificate ca 01\n3082 1234\nquit\n",
        "interface Vlan1\nend\n description below what is no configuration\n",
    ],
)
def test_blocks_that_mean_something_together_are_read_together(text: str, whole: Callable[[], int]) -> None:
    assert normalise_known(text, IOS, "") == normalise(text, IOS)
    assert whole() == 1
