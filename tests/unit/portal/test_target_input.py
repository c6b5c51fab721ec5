import pytest
from django.http import QueryDict

from changes.domain.errors import InvalidInputError
from changes.domain.targets import parse_targets
from portal.forms.targets import BY_DEVICE, BY_FILTER, TargetInput


def test_nothing_chosen_is_an_empty_filter_which_the_domain_refuses() -> None:
    given = TargetInput.read(QueryDict(""))
    assert not given.chosen
    with pytest.raises(InvalidInputError, match="would match every device"):
        parse_targets(given.body())


def test_values_of_one_kind_are_alternatives_and_names_are_split_at_commas() -> None:
    given = TargetInput.read(QueryDict("site=FRA&site=MUC&site=FRA&role=access&name=fra-*, muc-acc-01 ,&tag="))
    assert given.by == BY_FILTER
    assert given.body() == {
        "filter": {"site": ["FRA", "MUC"], "role": ["access"], "name": ["fra-*", "muc-acc-01"]},
    }


def test_picked_devices_leave_the_filters_to_finding() -> None:
    given = TargetInput.read(QueryDict("by=devices&site=FRA&device_ids=3&device_ids=1&device_ids=3"))
    assert given.by == BY_DEVICE
    assert given.chosen
    assert given.body() == {"device_ids": [3, 1]}
    assert given.filters == {"site": ("FRA",)}


def test_an_id_that_is_none_is_left_to_the_domain_to_refuse() -> None:
    given = TargetInput.read(QueryDict("by=devices&device_ids=7&device_ids=x"))
    assert given.picked() == (7,)
    with pytest.raises(InvalidInputError, match='"x" is not a device id'):
        parse_targets(given.body())


@pytest.mark.parametrize(
    "stored",
    [
        {"device_ids": [5, 2]},
        {"filter": {"site": ["FRA"], "name": ["fra-acc-*", "x"]}},
        {"filter": {"status": ["active"], "source": ["lab"]}},
    ],
)
def test_stored_targets_come_back_unchanged(stored: dict[str, object]) -> None:
    assert TargetInput.of(stored).body() == stored


def test_unknown_way_of_choosing_is_by_filter() -> None:
    assert TargetInput.read(QueryDict("by=magic&site=FRA")).body() == {"filter": {"site": ["FRA"]}}
