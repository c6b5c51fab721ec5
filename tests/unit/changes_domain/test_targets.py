import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.errors import InvalidInputError
from changes.domain.targets import FILTER_NAMES, MAX_FILTER_VALUES, MAX_TARGETS, TargetSpec, parse_targets


def refused(data: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidInputError) as error:
        parse_targets(data)
    assert error.value.code == "invalid_input"
    return error.value.fields


def test_ids_keep_their_order_and_stand_once() -> None:
    assert parse_targets({"device_ids": [3, 1, 3]}) == TargetSpec(device_ids=(3, 1))


def test_a_filter_takes_one_text_or_several() -> None:
    spec = parse_targets({"filter": {"site": " FRA ", "role": ["access", "core", "access"]}})
    assert spec == TargetSpec(filters={"site": ("FRA",), "role": ("access", "core")})


@given(
    st.one_of(
        st.lists(st.integers(1, 10**9), min_size=1, unique=True).map(lambda ids: {"device_ids": ids}),
        st.dictionaries(
            st.sampled_from(sorted(FILTER_NAMES - {"criticality"})),
            st.lists(st.text("aB-_*.é1", min_size=1), min_size=1, unique=True),
            min_size=1,
        ).map(lambda filters: {"filter": filters}),
    )
)
def test_what_was_parsed_is_stored_and_read_back(data: dict[str, object]) -> None:
    spec = parse_targets(data)
    assert parse_targets(spec.to_json()) == spec
    assert spec.to_json() == data


def test_a_criticality_is_one_that_devices_can_have() -> None:
    spec = parse_targets({"filter": {"tenant": "retail", "criticality": ["high", "vital"]}})
    assert spec.filters == {"tenant": ("retail",), "criticality": ("high", "vital")}
    fields = refused({"filter": {"criticality": ["high", "enormous"]}})
    assert fields == {
        "targets.filter.criticality": ['"enormous" is no criticality. Allowed: high, low, normal, vital.']
    }


def test_an_unknown_filter_is_refused_with_the_allowed_names_and_a_guess() -> None:
    fields = refused({"filter": {"sites": "FRA", "role": "access"}})
    [sentence] = fields.pop("targets.filter.sites")
    assert not fields
    allowed = "criticality, name, platform, role, site, source, status, tag, tenant"
    assert sentence == f'There is no filter "sites". Did you mean "site"? Allowed: {allowed}.'


@pytest.mark.parametrize(
    ("data", "field", "says"),
    [
        (None, "targets", "object"),
        ([1, 2], "targets", "object"),
        ({}, "targets", "one of the two"),
        ({"device_ids": [1], "filter": {"site": "FRA"}}, "targets", "one of the two"),
        ({"device_ids": [1], "site": "FRA"}, "targets.site", 'no field "site"'),
        ({"device_ids": []}, "targets.device_ids", "No device is named"),
        ({"device_ids": "1,2"}, "targets.device_ids", "list of device ids"),
        ({"device_ids": None}, "targets.device_ids", "list of device ids"),
        ({"device_ids": ["1"]}, "targets.device_ids", '"1" is not a device id'),
        ({"device_ids": [True]}, "targets.device_ids", "True"),
        ({"device_ids": [0]}, "targets.device_ids", '"0"'),
        ({"device_ids": [1.5]}, "targets.device_ids", '"1.5"'),
        ({"device_ids": [[]]}, "targets.device_ids", "[]"),
        ({"device_ids": list(range(1, MAX_TARGETS + 2))}, "targets.device_ids", "Split the change"),
        ({"filter": {}}, "targets.filter", "would match every device"),
        ({"filter": []}, "targets.filter", "object such as"),
        ({"filter": {"site": ""}}, "targets.filter.site", "not empty"),
        ({"filter": {"site": "  "}}, "targets.filter.site", "not empty"),
        ({"filter": {"site": []}}, "targets.filter.site", "list of texts"),
        ({"filter": {"site": 5}}, "targets.filter.site", "list of texts"),
        ({"filter": {"site": None}}, "targets.filter.site", "list of texts"),
        ({"filter": {"site": ["FRA", 5]}}, "targets.filter.site", '"5"'),
        ({"filter": {"site": "FRA\nAMS"}}, "targets.filter.site", "a line break"),
        ({"filter": {"site": "x" * 201}}, "targets.filter.site", "longer than 200"),
        ({"filter": {"site": [str(n) for n in range(MAX_FILTER_VALUES + 1)]}}, "targets.filter.site", "101 values"),
        ({"filter": {"\x1b[2J": "x"}}, "targets.filter.\\u001b[2J", "Allowed: criticality"),
    ],
)
def test_bad_targets_are_refused_under_their_field(data: object, field: str, says: str) -> None:
    fields = refused(data)
    assert list(fields) == [field]
    assert says in fields[field][0]
    assert "\x1b" not in str(fields)


def test_all_problems_are_told_at_once() -> None:
    fields = refused({"filter": {"sitee": "x", "rolle": "y", "tag": ""}})
    assert set(fields) == {"targets.filter.sitee", "targets.filter.rolle", "targets.filter.tag"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
        max_leaves=10,
    )
)
def test_whatever_is_sent_is_parsed_or_refused_with_sentences(data: object) -> None:
    for sent in (data, {"device_ids": data}, {"filter": data}, {"filter": {"site": data}}):
        sentences: list[str] = []
        try:
            spec = parse_targets(sent)
            assert bool(spec.device_ids) != bool(spec.filters)
        except InvalidInputError as error:
            sentences = [sentence for found in error.fields.values() for sentence in found] or ["nothing said"]
        assert all(sentence.endswith(".") for sentence in sentences)
