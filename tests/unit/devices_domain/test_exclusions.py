from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devices.domain.exclusions import MappedPlatform, choose_platform, judge

TABLE = {
    "ios": MappedPlatform("cisco_ios"),
    "eos-api": MappedPlatform("arista_eos", "napalm-eos"),
    "odd": MappedPlatform("frr", "napalm-eos"),
    "old": MappedPlatform("catos"),
}


def test_the_custom_field_goes_first() -> None:
    assert choose_platform(TABLE, field_value="eos-api", slug="ios").driver == "napalm-eos"
    assert choose_platform(TABLE, field_value="", slug="ios").platform == "cisco_ios"


def test_a_custom_field_that_the_table_does_not_have_is_not_passed_over() -> None:
    chosen = choose_platform(TABLE, field_value="mystery", slug="ios")
    assert chosen.platform == ""
    assert "“mystery” as its custom field" in chosen.problem


@given(st.text(max_size=20).filter(lambda word: word not in TABLE))
def test_a_word_that_is_not_in_the_table_never_becomes_a_platform(word: str) -> None:
    assert choose_platform(TABLE, field_value="", slug=word).platform == ""


def test_a_platform_or_driver_that_there_is_not_says_so() -> None:
    assert "catos, which this product cannot drive" in choose_platform(TABLE, field_value="", slug="old").problem
    assert "napalm-eos, which does not drive frr" in choose_platform(TABLE, field_value="", slug="odd").problem


@given(
    status=st.sampled_from(["", "is planned"]),
    field=st.sampled_from(["", "serial is too long."]),
    named=st.booleans(),
    address=st.sampled_from(["", "192.0.2.1"]),
    platform=st.sampled_from(["", "has no platform"]),
)
def test_a_device_is_excluded_exactly_when_something_is_wrong(
    status: str, field: str, named: bool, address: str, platform: str
) -> None:
    found = judge(
        label="sw1",
        status_problem=status,
        field_problem=field,
        has_name=named,
        address=address,
        platform_problem=platform,
    )
    assert bool(found.code) == bool(status or field or not named or not address or platform)
    assert bool(found.code) == bool(found.sentence)
    assert found.sentence == "" or found.sentence.startswith("sw1")
