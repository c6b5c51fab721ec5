from hypothesis import given
from hypothesis import strategies as st

from devices.domain.config_text import normalise
from devices.domain.interface_names import IOS_NAMES, natural_key
from devices.domain.platforms import platform_for
from devices.domain.prediction import predict

PIECES = st.lists(
    st.one_of(st.integers(0, 10**12).map(str), st.sampled_from(["a", "b", "ab", "/", " ", "."])), max_size=6
)


def by_pieces(text: str) -> list[tuple[int, int, str]]:
    """The order as its definition says it: numbers first and by value, other text without case."""
    import re

    return [(0, int(p), "") if p.isdecimal() else (1, 0, p.lower()) for p in re.findall(r"[0-9]+|[^0-9]+", text)]


@given(PIECES, PIECES)
def test_texts_are_ordered_by_their_numbers_values(left: list[str], right: list[str]) -> None:
    one, other = "".join(left), "".join(right)
    assert (natural_key(one) < natural_key(other)) == (by_pieces(one) < by_pieces(other))


def test_interfaces_stand_by_type_and_then_by_number() -> None:
    names = ["Vlan10", "GigabitEthernet1/0/10", "GigabitEthernet1/0/9", "Loopback0"]
    assert sorted(names, key=IOS_NAMES.sort_key) == sorted(
        names, key=lambda name: (IOS_NAMES.types.index(name.rstrip("0123456789/")), by_pieces(name))
    )


def test_a_prediction_from_the_normal_form_is_the_same_without_bringing_it_there_again() -> None:
    commands = ["interface Gi1/0/2", "description new", "exit", "vlan 20", "name b", "no ntp server 192.0.2.1"]
    for slug in ("cisco_ios", "cisco_xe"):
        platform = platform_for(slug)
        for version in ("15.2", "17.9"):
            text = (
                f"version {version}\nvlan 10,30\ninterface GigabitEthernet1/0/10\n shutdown\n"
                "interface GigabitEthernet1/0/2\n description old\nntp server 192.0.2.1\n"
                "ip name-server 192.0.2.2 192.0.2.3\n"
            )
            normal = normalise(text, platform)
            assert predict(normal, commands, platform, is_normal=True) == predict(text, commands, platform)
