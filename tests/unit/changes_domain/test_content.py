import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.content import (
    MAX_CONTENT_BYTES,
    MAX_VARIABLES,
    RESERVED_NAMES,
    ChangeDraft,
    parse_comment,
    parse_content,
    parse_draft,
    parse_patch,
    parse_variables,
)
from changes.domain.errors import InvalidInputError
from changes.domain.states import ChangeType
from changes.domain.strategy import Strategy
from changes.domain.targets import TargetSpec
from devices.domain.redaction import redact

CHECK = {"name": "NTP", "command": "show ntp status", "expect": "contains", "value": "synchronized"}
GOOD: dict[str, object] = {
    "title": "Set NTP",
    "reason": "Audit finding 12",
    "content": "ntp server {{ server }}\n",
    "targets": {"filter": {"site": "FRA"}},
}


def refused(data: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidInputError) as error:
        parse_draft(data)
    return error.value.fields


def test_a_draft_needs_little_and_has_defaults() -> None:
    draft = parse_draft(GOOD)
    assert draft == ChangeDraft(
        title="Set NTP",
        reason="Audit finding 12",
        content="ntp server {{ server }}\n",
        targets=TargetSpec(filters={"site": ("FRA",)}),
    )
    assert draft.change_type is ChangeType.NORMAL
    assert draft.strategy == Strategy().as_data()


def test_everything_that_can_be_given_is_kept() -> None:
    draft = parse_draft(
        GOOD
        | {
            "type": "normal",
            "template": None,
            "variables": {"server": "192.0.2.1", "vlans": [1, 2]},
            "checks": {"pre": [CHECK], "post": [CHECK | {"name": "Post"}]},
            "strategy": {"max_parallel": 3},
        }
    )
    assert draft.variables == {"server": "192.0.2.1", "vlans": [1, 2]}
    assert [check.name for check in draft.pre_checks + draft.post_checks] == ["NTP", "Post"]
    assert draft.strategy["max_parallel"] == 3


def test_a_plain_list_of_checks_is_for_afterwards() -> None:
    draft = parse_draft(GOOD | {"checks": [CHECK]})
    assert (len(draft.pre_checks), len(draft.post_checks)) == (0, 1)


def test_title_and_reason_are_stripped() -> None:
    draft = parse_draft(GOOD | {"title": "  Set NTP ", "reason": "\r\nwhy\r\nso\n"})
    assert (draft.title, draft.reason) == ("Set NTP", "why\nso")


def test_every_missing_field_is_named_with_what_it_is_for() -> None:
    assert refused({}) == {
        "title": ["A change needs a title that says what it does."],
        "reason": ["A change needs a reason: why it is made."],
        "content": ["A change needs content: the configuration lines to send."],
        "targets": ['A change needs targets: "device_ids" or a "filter".'],
    }


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"title": ""}, "title", "Give a title"),
        ({"title": 7}, "title", "Give a title"),
        ({"title": None}, "title", "Give a title"),
        ({"title": "x" * 201}, "title", "201 characters; 200"),
        ({"title": "a\nb"}, "title", "a line break"),
        ({"title": "a\x00b"}, "title", "character 2 is a NUL"),
        ({"title": "a\u202eb"}, "title", "U+202E"),
        ({"reason": " "}, "reason", "Give a reason"),
        ({"reason": "x" * 10_001}, "reason", "10,000 are allowed"),
        ({"reason": "one\ntwo\x07"}, "reason", "line 2, character 4"),
        ({"called_by": 7}, "called_by", "as a text"),
        ({"called_by": "x" * 201}, "called_by", "200 are allowed"),
        ({"emergency_reason": "a\x07"}, "emergency_reason", "U+0007"),
        ({"type": "big"}, "type", '"big" is not a change type'),
        ({"type": None}, "type", "not a change type"),
        ({"type": ["normal"]}, "type", "not a change type"),
        ({"template": "ntp"}, "template", "id of a template"),
        ({"content": ""}, "content", "empty"),
        ({"content": " \n\t\n"}, "content", "empty"),
        ({"content": ["ntp server 192.0.2.1"]}, "content", "must be text"),
        ({"content": "a\nb\x03"}, "content", "line 2, character 2 is the control character U+0003"),
        ({"content": "a\rb"}, "content", "a carriage return"),
        ({"content": "a\u2028b"}, "content", "U+2028"),
        ({"content": "\ud800"}, "content", "U+D800"),
        ({"content": "x" * (MAX_CONTENT_BYTES + 1)}, "content", "262,145 bytes; 262,144 are allowed"),
        ({"content": "é" * (MAX_CONTENT_BYTES // 2 + 1)}, "content", "262,146 bytes"),
        ({"targets": {}}, "targets", "one of the two"),
        ({"targets": {"filter": {"sit": "x"}}}, "targets.filter.sit", 'Did you mean "site"?'),
        ({"variables": []}, "variables", "object"),
        ({"variables": {"a": "x\ny"}}, "variables.a", "a line break"),
        ({"strategy": {"max_parallel": 0}}, "strategy.max_parallel", "1 to 100"),
        ({"checks": {"before": []}}, "checks.before", 'no field "before"'),
        ({"checks": {"pre": "x"}}, "checks.pre", "list"),
        ({"checks": [CHECK | {"command": "reload"}]}, "checks[0].command", "only read"),
        ({"checks": {"post": [CHECK | {"command": "reload"}]}}, "checks.post[0].command", "only read"),
        ({"checks": "x"}, "checks", "list"),
        ({"titel": "x"}, "titel", 'Did you mean "title"?'),
        ({"state": "approved"}, "state", 'no field "state"'),
    ],
)
def test_bad_input_is_refused_under_its_field(changed: dict[str, object], field: str, says: str) -> None:
    fields = refused(GOOD | changed)
    assert list(fields) == [field]
    assert says in fields[field][0]
    assert fields[field][0].endswith(".")


@pytest.mark.parametrize("data", [None, [], "x", 5])
def test_a_body_must_be_an_object(data: object) -> None:
    assert "JSON object" in refused(data)["body"][0]


def test_all_fields_are_judged_at_once() -> None:
    fields = refused({"title": "", "content": "", "targets": {"filter": {}}, "strategy": {"x": 1, "on_failure": "go"}})
    assert set(fields) == {
        "title", "content", "targets.filter", "strategy.x", "strategy.on_failure", "reason",
    }  # fmt: skip
    assert len(fields["title"]) == 1


def test_content_of_exactly_the_limit_is_taken() -> None:
    assert len(parse_content("x" * MAX_CONTENT_BYTES)) == MAX_CONTENT_BYTES


def test_line_ends_of_a_browser_become_unix_ones() -> None:
    assert parse_content("a\r\nb\r\n") == "a\nb\n"


# Variables


@pytest.mark.parametrize(
    "value",
    ["", "192.0.2.1", "München", "{{ not rendered again }}", 0, -(2**53) + 1, True, [], ["a", 1, False], "x" * 60_000],
)
def test_plain_values_are_taken_as_they_are(value: object) -> None:
    parsed = parse_variables({"a": value})
    assert parsed == {"a": value}
    assert type(parsed["a"]) is type(value)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("a\nb", "a line break"),
        ("a\rb", "a carriage return"),
        ("a\tb", "a tab"),
        ("a\x1b[0m", "an escape"),
        ("a\u200bb", "U+200B"),
        (["ok", "a\nb"], "a line break"),
        (1.5, 'write it as text, "1.5"'),
        (float("nan"), "fraction"),
        (2**53, "too large"),
        (None, "null is not"),
        ({"a": 1}, "an object is not"),
        ([[1]], "a list in a list is not"),
        ([None], "null is not"),
        (list(range(1001)), "1000 are allowed"),
    ],
)
def test_other_values_are_refused_with_a_way_out(value: object, says: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        parse_variables({"a": value, "fine": 1})
    assert list(error.value.fields) == ["variables.a"]
    assert says in error.value.fields["variables.a"][0]


@given(st.text().filter(lambda text: any(unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"} for char in text)))
def test_no_hidden_character_gets_through(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_variables({"a": text})
    with pytest.raises(InvalidInputError):
        parse_variables({"a": [text]})


@pytest.mark.parametrize("name", ["a", "ntp_servers", "VLAN10", "x" * 64])
def test_identifiers_are_names(name: str) -> None:
    assert parse_variables({name: 1}) == {name: 1}


@pytest.mark.parametrize(
    "name",
    ["", "1a", "a-b", "a.b", "a b", "_a", "__class__", "é", "x" * 65, "if", "None", "true", *sorted(RESERVED_NAMES)],
)
def test_names_that_a_template_cannot_use_are_refused(name: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_variables({name: 1})


def test_the_device_cannot_be_shadowed() -> None:
    with pytest.raises(InvalidInputError, match='"device" means something else inside a template'):
        parse_variables({"device": "x"})


def test_variables_are_limited_in_number_and_size() -> None:
    with pytest.raises(InvalidInputError, match="200 are allowed"):
        parse_variables({f"v{n}": n for n in range(MAX_VARIABLES + 1)})
    with pytest.raises(InvalidInputError, match="65,536 are allowed"):
        parse_variables({"a": "x" * 40_000, "b": "y" * 40_000})


# Strategy, comment, patch


def test_a_comment_is_asked_for_where_it_is_needed() -> None:
    assert parse_comment(" because\r\nso ", action="reject this change") == "because\nso"
    assert parse_comment(None, action="approve", required=False) == ""
    for missing in (None, "", " \n "):
        with pytest.raises(InvalidInputError) as error:
            parse_comment(missing, action="reject this change")
        assert error.value.fields["comment"] == [
            "To reject this change you must say why, so that the others can act on it."
        ]
    with pytest.raises(InvalidInputError, match="5,000 are allowed"):
        parse_comment("x" * 5001, action="approve", required=False)
    with pytest.raises(InvalidInputError, match="a NUL"):
        parse_comment("a\x00", action="approve", required=False)


def test_a_patch_holds_only_what_was_given() -> None:
    assert parse_patch({"title": "New", "type": "normal"}) == {"title": "New", "change_type": ChangeType.NORMAL}
    assert set(parse_patch({"checks": {"pre": []}})) == {"pre_checks", "post_checks"}


@pytest.mark.parametrize(("data", "field"), [({}, "body"), ({"titel": "x"}, "titel"), ({"title": ""}, "title")])
def test_a_patch_is_judged_like_a_draft(data: object, field: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        parse_patch(data)
    assert list(error.value.fields) == [field]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "variables", "checks", "strategy", "type", "template"]), json_values))
def test_whatever_is_sent_is_parsed_or_refused_with_sentences(changed: dict[str, object]) -> None:
    sentences: list[str] = []
    try:
        parse_draft(GOOD | changed)
    except InvalidInputError as error:
        sentences = [sentence for found in error.fields.values() for sentence in found] or ["nothing said"]
    assert all(sentence.endswith(".") for sentence in sentences)


def test_a_masked_secret_is_refused_wherever_it_would_become_a_devices_secret() -> None:
    masked = redact("snmp-server community pl4intext RO", key=b"k" * 32)
    assert "pl4intext" not in masked
    assert "is masked" in refused({**GOOD, "content": f"hostname a\n{masked}\n"})["content"][0]
    for value in (masked, "<hidden>", ["ok", masked]):
        assert "is masked" in refused({**GOOD, "variables": {"a": value}})["variables.a"][0]
    assert parse_content("description <hidden: no> and <hidden:12345>")
