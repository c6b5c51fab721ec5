"""Properties of normal form, prediction and backout by themselves, for random configurations and changes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.domain.config_text import normalise
from devices.domain.inverse import inverse_commands
from devices.domain.platforms import PLATFORMS, platform_for
from devices.domain.prediction import predict
from tests.unit.devices_domain.ios_changes import CHANGES

IOS = platform_for("cisco_ios")
BASE = """version 15.2
hostname a
vlan 99
 name PARKED
interface GigabitEthernet1/0/1
interface GigabitEthernet1/0/2
interface GigabitEthernet1/0/3
line con 0
line vty 0 4
line vty 5 15
"""
WORDS = st.sampled_from(
    """interface Vlan1|no|ip address 10.0.0.1 255.0.0.0|description a  b|frobnicate 7|frobnicate 8|no frobnicate 7
mystery block|exit|vlan 7,9-11|banner motd #x#|access-list 7 permit any|ntp server 10.0.0.1|!||permit tcp any any
ip access-list extended X|10 permit ip any any""".replace("\n", "|").split("|")
)
SOUP = st.lists(st.tuples(st.sampled_from(("", " ", "  ", "   ")), WORDS), max_size=25).map(
    lambda lines: "\n".join(pad + word for pad, word in lines)
)


@pytest.mark.parametrize("slug", PLATFORMS)
@given(text=SOUP)
def test_normal_form_of_normal_form_is_itself(slug: str, text: str) -> None:
    platform = platform_for(slug)
    once = normalise(text, platform)
    assert normalise(once, platform) == once


@given(change=CHANGES)
def test_predicting_nothing_changes_nothing(change: tuple[str, ...]) -> None:
    running = predict("", change, IOS)
    assert predict(running, (), IOS) == running


@given(change=CHANGES)
def test_predictions_are_in_normal_form(change: tuple[str, ...]) -> None:
    running = predict(BASE, change, IOS)
    assert normalise(running, IOS) == running


@settings(max_examples=100, deadline=None)
@given(first=CHANGES, second=CHANGES)
def test_backout_of_a_predicted_change_is_predicted_to_restore_the_baseline(
    first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    before = predict(BASE, first, IOS)
    after = predict(before, second, IOS)
    backout = inverse_commands(before, after, IOS)
    assert predict(after, backout, IOS) == before
    assert bool(backout) == (before != after)


@settings(max_examples=100, deadline=None)
@given(before=SOUP, after=SOUP)
def test_backout_between_any_two_texts_ends_and_gives_lines_without_line_ends(before: str, after: str) -> None:
    for command in inverse_commands(before, after, IOS):
        assert "\n" not in command


@given(running=st.text(max_size=200), commands=st.lists(st.text(max_size=30), max_size=8))
def test_any_text_can_be_predicted_and_taken_back(running: str, commands: list[str]) -> None:
    after = predict(running, commands, IOS)
    assert normalise(after, IOS) == after
    inverse_commands(running, after, IOS)
