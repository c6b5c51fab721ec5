import pytest

from devices.lab.ios.errors import AmbiguousError, IncompleteError, InvalidInputError
from devices.lab.ios.grammar import Grammar
from devices.lab.ios.modes import GRAMMARS
from devices.lab.ios.params import canonical_interface, natural_key, param, vlan_list, vlan_numbers

TABLE = """
ntp server <host> :: [prefer] [version <int:1-4>]
ntp source :: <if>
ip address :: <ip> <mask>
ip address <ip> <mask> secondary
description :: <line>
class {=class-default|<word>}
wipe ntp
"""


@pytest.fixture
def grammar() -> Grammar:
    return Grammar("test", TABLE)


def test_abbreviations_are_written_out(grammar: Grammar) -> None:
    (match,) = grammar.match("nt se 192.0.2.1 p")
    assert match.tokens == ("ntp", "server", "192.0.2.1", "prefer")
    assert match.key == ("ntp", "server", "192.0.2.1")
    assert match.value == ("prefer",)


def test_an_abbreviation_of_two_words_is_ambiguous(grammar: Grammar) -> None:
    with pytest.raises(AmbiguousError):
        grammar.match("ntp s")


def test_a_whole_word_is_not_ambiguous_though_a_longer_one_begins_with_it() -> None:
    (match,) = GRAMMARS["global"].match("ip route 0.0.0.0 0.0.0.0 192.0.2.1")
    assert match.tokens[:2] == ("ip", "route")
    assert GRAMMARS["global"].match("ip routing")[0].tokens == ("ip", "routing")


def test_a_line_that_ends_too_early_is_incomplete(grammar: Grammar) -> None:
    for line in ("ntp", "ntp server", "ip address 192.0.2.1", "description"):
        with pytest.raises(IncompleteError):
            grammar.match(line)


@pytest.mark.parametrize(
    ("line", "column"),
    [("foo", 0), ("  foo", 2), ("ntp server 192.0.2.1 bad", 21), ("ip address 192.0.2.300 255.0.0.0", 11)],
)
def test_the_marker_stands_at_the_token_that_is_not_understood(grammar: Grammar, line: str, column: int) -> None:
    with pytest.raises(InvalidInputError) as caught:
        grammar.match(line)
    assert caught.value.column == column


def test_free_text_keeps_its_spaces_and_case(grammar: Grammar) -> None:
    (match,) = grammar.match("desc  Two  Words #1  ")
    assert match.tokens == ("description", "Two  Words #1")


def test_two_forms_that_begin_alike_are_told_apart_by_their_end(grammar: Grammar) -> None:
    assert grammar.match("ip address 192.0.2.1 255.255.255.0")[0].key == ("ip", "address")
    secondary = grammar.match("ip address 192.0.2.1 255.255.255.0 secondary")[0]
    assert secondary.key == ("ip", "address", "192.0.2.1", "255.255.255.0", "secondary")


def test_a_negation_needs_the_key_and_no_value(grammar: Grammar) -> None:
    assert grammar.match("description", negated=True)[0].key == ("description",)
    assert grammar.match("ntp source", negated=True)[0].key == ("ntp", "source")
    with pytest.raises(IncompleteError):
        grammar.match("ntp server", negated=True)


def test_a_wipe_exists_negated_only(grammar: Grammar) -> None:
    assert grammar.match("ntp", negated=True)[0].rule.wipe
    with pytest.raises(IncompleteError):
        grammar.match("ntp")


def test_a_word_with_an_equals_sign_cannot_be_abbreviated(grammar: Grammar) -> None:
    assert grammar.match("class class-default")[0].tokens == ("class", "class-default")
    assert grammar.match("class cl")[0].tokens == ("class", "cl")


def test_every_form_of_every_mode_can_be_compiled_and_is_reachable() -> None:
    assert {name: len(grammar.rules) for name, grammar in GRAMMARS.items() if len(grammar.rules) < 3} == {}


def test_an_unknown_parameter_in_a_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown parameter"):
        param("nonsense")
    with pytest.raises(ValueError, match="unbalanced"):
        Grammar("test", "ntp {server")


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("Gi1/0/1", "GigabitEthernet1/0/1"),
        ("gigabitethernet1/0/1", "GigabitEthernet1/0/1"),
        ("te1/1/4", "TenGigabitEthernet1/1/4"),
        ("Po10", "Port-channel10"),
        ("vl99", "Vlan99"),
        ("Lo0", "Loopback0"),
        ("Gi0/0.100", "GigabitEthernet0/0.100"),
        ("T1", None),
        ("nonsense1", None),
        ("Gi", None),
    ],
)
def test_interface_names_are_written_out(short: str, full: str | None) -> None:
    assert canonical_interface(short) == full


def test_vlan_lists_are_read_and_written_compactly() -> None:
    assert vlan_numbers("10,20-22") == [10, 20, 21, 22]
    assert vlan_list([22, 21, 20, 10, 11]) == "10,11,20-22"
    for bad in ("0", "4095", "20-10", "a", "10,", "1-"):
        assert vlan_numbers(bad) is None


def test_natural_order_puts_two_before_ten() -> None:
    assert sorted(["Gi1/0/10", "Gi1/0/2"], key=natural_key) == ["Gi1/0/2", "Gi1/0/10"]
