from __future__ import annotations

import pytest

from devices.domain.netbox_filters import UnknownNetBoxFilterError, check_query, parse_device_filter


def test_values_of_one_name_are_alternatives() -> None:
    assert parse_device_filter("site=ams1&site=nyc2&role=core") == {"site": ["ams1", "nyc2"], "role": ["core"]}
    assert parse_device_filter("") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sight=ams1", "no filter 'sight'"),
        ("site", "name=value"),
        ("site=", "no value"),
        ("site= ", "no value"),
        ("id=1", "no filter 'id'"),
        ("limit=1", "no filter 'limit'"),
        ("fields=id", "no filter 'fields'"),
    ],
)
def test_a_filter_that_netbox_would_ignore_is_refused(text: str, words: str) -> None:
    with pytest.raises(UnknownNetBoxFilterError, match=words):
        parse_device_filter(text)


def test_the_product_itself_asks_only_what_it_knows() -> None:
    check_query("dcim.devices", frozenset({"id", "site", "fields", "limit"}))
    with pytest.raises(UnknownNetBoxFilterError, match="never asked by 'ids'"):
        check_query("dcim.devices", frozenset({"ids"}))
