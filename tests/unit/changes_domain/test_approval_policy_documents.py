"""Policy documents: read strictly, refused with the place named, and the same again after they were exported."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings

from changes.domain.approval_policy.document import SCHEMA
from changes.domain.approval_policy.evaluation import evaluate
from changes.domain.approval_policy.facts import PlanFacts, WarningFact
from changes.domain.approval_policy.parsing import parse_policy
from changes.domain.approval_policy.reading import read_policy
from changes.domain.approval_policy.schema import json_schema
from changes.domain.approval_policy.shipped_policies import SHIPPED, shipped_policy
from changes.domain.approval_policy.vocabulary import Duty
from changes.domain.canonical import parse_canonical
from changes.domain.errors import InvalidInputError
from changes.domain.risk.levels import RiskLevel
from changes.domain.states import ChangeType
from devices.domain.severity import Severity
from devices.domain.warnings.content_kinds import ContentKind
from tests.unit.changes_domain.approval_documents import (
    BASE_RULE,
    Document,
    conditions,
    document,
    documents,
    facts,
    rule,
)

QUICK = settings(max_examples=40, deadline=None)
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def refused(data: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidInputError) as caught:
        parse_policy(data)
    assert all(sentence.endswith(".") for found in caught.value.fields.values() for sentence in found)
    return caught.value.fields


def refused_text(text: str) -> dict[str, list[str]]:
    with pytest.raises(InvalidInputError) as caught:
        read_policy(text)
    return caught.value.fields


def stage(**changed: object) -> Document:
    return {"name": "cab", "title": "CAB", "step": "authorization", "groups": ["cab"]} | changed


# Round trips


@QUICK
@given(documents(conditions))
def test_an_exported_policy_is_read_back_as_the_same_one(body: Document) -> None:
    policy = parse_policy(body)
    for text in (policy.to_json(), policy.to_yaml(), policy.canonical().decode()):
        again = read_policy(text)
        assert again == policy
        assert again.digest == policy.digest
    assert parse_canonical(policy.canonical()) == policy.to_data()


@QUICK
@given(documents(conditions))
def test_what_the_parser_takes_the_schema_takes_as_well(body: Document) -> None:
    VALIDATOR.validate(body)
    VALIDATOR.validate(parse_policy(body).to_data())


def test_two_spellings_of_one_policy_have_one_digest_and_a_change_of_meaning_has_another() -> None:
    plain = parse_policy(document(rule({"content": ["acl", "vlan"]})))
    spelled = document(rule({"content": {"any_of": ["vlan", "acl"], "devices_at_least": 1}}), description="")
    spelled["stages"] = [{**each, "quorum": 1, "delegates": []} for each in spelled["stages"]]
    assert parse_policy(spelled).digest == plain.digest
    assert parse_policy(document(rule({"content": ["acl"]}))).digest != plain.digest
    assert plain.label == "office-3"


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_policies_are_valid_and_stay_what_they_are_when_exported(name: str) -> None:
    policy = shipped_policy(name)
    VALIDATOR.validate(policy.to_data())
    assert policy.name == name
    assert read_policy(policy.to_yaml()) == policy


# YAML without its traps

HEAD = f"""\
schema: {SCHEMA}
name: office
version: 1
title: Office
stages:
  - {{name: peer, title: Peer, step: assessment, groups: [peer]}}
  - {{name: cab, title: CAB, step: authorization, groups: [cab]}}
rules:
  - name: base
    when: always
    ask: [{{stage: peer}}, {{stage: cab}}]
"""


def test_plain_words_of_yaml_stay_words() -> None:
    text = HEAD + "  - {name: odd, when: {sites: [no, on, 22:00, 1.5, 0x1F, 1_000, ~]}, duties: [review]}\n"
    policy = read_policy(text)
    assert policy.rules[1].when.to_data() == {"sites": ["no", "on", "22:00", "1.5", "0x1F", "1_000", "~"]}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The file is empty."),
        ("# only a comment\n", "The file is empty."),
        (HEAD + "version: 2\n", 'Line 12: the name "version" stands twice in one object.'),
        (HEAD + "  - &a {name: b}\n", "Line 12: anchors, aliases, tags and directives are not read."),
        (HEAD + "  - *a\n", "anchors, aliases"),
        (HEAD + "  - !!python/object/apply:os.system [id]\n", "anchors, aliases"),
        (HEAD + "? [a]\n: b\n", "a name must be a text"),
        (HEAD + "---\nname: second\n", "not YAML"),
        ("a: [1, 2\n", "Line 2, column 1: this is not YAML"),
        ("a: \x07\n", "not YAML"),
        ("[" * 3_000, "nest"),
        ("[" * 200_000, "nest"),
        ('{"a": ' * 3_000, "nest"),
        ('{"a": ' + "9" * 5_000 + "}", "digits"),
        ('{"a": 1, "a": 2}', 'The name "a" stands twice'),
        ('{"a": 1,\n}', "this is not JSON"),
        ("x" * 300_000, "at most 262,144 bytes"),
    ],
)
def test_a_file_that_can_be_read_in_two_ways_or_in_none_is_refused(text: str, sentence: str) -> None:
    assert sentence in refused_text(text)["document"][0]


def test_a_sentence_about_a_yaml_file_names_the_line() -> None:
    found = refused_text(HEAD + "  - name: far\n    when:\n      content: [acls]\n    duties: [review]\n")
    assert list(found) == ["rules[1].when.content[0]"]
    assert found["rules[1].when.content[0]"][0].startswith(
        'Line 14: "acls" is not a kind of content. Did you mean "acl"? Allowed: '
    )
    missing = refused_text(HEAD + "  - name: far\n")
    assert missing["rules[1].when"] == ["Line 12: This field is missing."]


# Refusals


@pytest.mark.parametrize("data", [None, [], "policy", 7, {}])
def test_what_is_no_policy_at_all_is_refused(data: object) -> None:
    assert refused(data)


@pytest.mark.parametrize(
    ("changed", "place", "sentence"),
    [
        ({"schema": "countersign.approval-policy/9"}, "schema", "is not known"),
        ({"name": "Not A Name"}, "name", "small letters"),
        ({"version": 0}, "version", "from 1 to"),
        ({"version": True}, "version", "whole number"),
        ({"title": " "}, "title", "not empty"),
        ({"title": "a\u202eb"}, "title", "not allowed"),
        ({"colour": "red"}, "colour", 'There is no field "colour".'),
        ({"business_hours": {"time_zone": "Mars/Olympus"}}, "business_hours.time_zone", "is not a time zone"),
        ({"business_hours": {"time_zone": "../etc/passwd"}}, "business_hours.time_zone", "is not a time zone"),
        ({"business_hours": {"start": "8 am"}}, "business_hours.start", "quotation marks"),
        ({"business_hours": {"start": "18:00"}}, "business_hours.end", "must end after they start"),
        ({"pre_approval": {"allowed": "yes"}}, "pre_approval.allowed", "true or false"),
        ({"pre_approval": {"unless": {}}}, "pre_approval.unless", "exactly one name"),
        ({"stages": []}, "stages", "empty"),
        ({"stages": [stage(), stage()]}, "stages[1].name", "stands twice"),
        ({"stages": [stage(step="assess")]}, "stages[0].step", 'Did you mean "assessment"?'),
        ({"stages": [stage(), stage(name="b", step="assessment")]}, "stages[1].step", "come before"),
        ({"stages": [stage(groups=[])]}, "stages[0].groups", "empty"),
        ({"stages": [stage(groups=["cab", "CAB"])]}, "stages[0].groups", "stands twice"),
        ({"stages": [stage(groups=["auditor"])]}, "stages[0].groups", "Auditors only read"),
        ({"stages": [stage(delegates=["auditor"])]}, "stages[0].delegates", "Auditors only read"),
        ({"stages": [stage(quorum=0)]}, "stages[0].quorum", "from 1 to 20"),
        ({"stages": [stage(groups=["a", "b"], from_each_group=True)]}, "stages[0].quorum", "at least the number"),
        ({"stages": [stage(expires_after_h=-1)]}, "stages[0].expires_after_h", "whole number"),
        ({"stages": [stage(escalate={"after_h": 0, "to": ["a"]})]}, "stages[0].escalate.after_h", "whole number"),
        ({"rules": "none"}, "rules", "must be a list"),
        ({"rules": [BASE_RULE, BASE_RULE]}, "rules[1].name", "stands twice"),
    ],
)
def test_a_wrong_value_is_refused_at_its_place(changed: Document, place: str, sentence: str) -> None:
    assert sentence in " ".join(refused(document(**changed))[place])


@pytest.mark.parametrize(
    ("extra", "place", "sentence"),
    [
        ({"name": "a", "when": "always"}, "rules[1]", "asks for nothing"),
        ({"name": "a", "when": "never", "duties": ["review"]}, "rules[1].when", "exactly one name"),
        (rule("always", stage="cabs"), "rules[1].ask[0].stage", 'Did you mean "cab"?'),
        (rule("always", quorum=0), "rules[1].ask[0].quorum", "from 1 to 20"),
        (rule("always") | {"duties": ["rest"]}, "rules[1].duties[0]", "is not a duty"),
        (rule("always") | {"remove": ["cab"]}, "rules[1].remove", 'There is no field "remove".'),
        (rule({"sites": ["a"], "tags": ["b"]}), "rules[1].when", "exactly one name"),
        (rule({"site": ["a"]}), "rules[1].when", 'Did you mean "sites"?'),
        (rule({"sites": []}), "rules[1].when.sites", "empty"),
        (rule({"sites": ["A", "a"]}), "rules[1].when.sites", "stands twice"),
        (rule({"sites": [7]}), "rules[1].when.sites[0]", "text"),
        (rule({"all": []}), "rules[1].when.all", "empty"),
        (rule({"any": ["always", {"not": {"risk": {"at_least": "huge"}}}]}),
         "rules[1].when.any[1].not.risk.at_least", "is not a level of risk"),
        (rule({"device_count": {}}), "rules[1].when.device_count", "at_least or at_most"),
        (rule({"device_count": {"at_least": 5, "at_most": 4}}), "rules[1].when.device_count", "never holds"),
        (rule({"warnings": {}}), "rules[1].when.warnings", "severity_at_least"),
        (rule({"warnings": {"codes": ["small"]}}), "rules[1].when.warnings.codes", "is not a code"),
        (rule({"window": {}}), "rules[1].when.window", "at least one property"),
        (rule({"window": {"starts_from": "10:00"}}), "rules[1].when.window", "belong together"),
        (rule({"window": {"starts_from": "10:00", "starts_before": "10:00"}}), "rules[1].when.window", "same moment"),
        (rule({"window": {"weekdays": ["funday"]}}), "rules[1].when.window.weekdays[0]", 'Did you mean "sunday"?'),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_refused_at_its_place(extra: Document, place: str, sentence: str) -> None:
    assert sentence in " ".join(refused(document(extra))[place])


def test_everything_that_is_wrong_is_said_at_once() -> None:
    found = refused(document(rule({"sites": []}), rule({"risk": {}}, name="b"), version="1", title=""))
    assert {"version", "title", "rules[1].when.sites", "rules[2].when.risk.at_least"} <= set(found)


def test_a_policy_has_bounds() -> None:
    deep: Any = "always"
    for _ in range(12):
        deep = {"not": deep}
    assert "10 levels" in str(refused(document(rule(deep))))
    wide = {"any": ["always"] * 100}
    many = [rule(wide, name=f"r{number}") for number in range(5)]
    assert "300 conditions" in str(refused(document(*many)))
    assert "60 are allowed" in str(refused(document(*([rule("always")] * 100))))
    long = {"sites": [f"S{number}" for number in range(200)]}
    lists = [rule(long, name=f"r{number}") for number in range(16)]
    assert "3,000 values in all" in str(refused(document(*lists)))


# Nothing passes without an independent approver

CERTAIN = {"name": "certain", "when": {"change_type": ["emergency"]}, "ask": [{"stage": "cab"}]}


def asks(when: object, *stages: str, name: str = "some") -> Document:
    return {"name": name, "when": when, "ask": [{"stage": each} for each in stages]}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([asks({"content": ["acl"]}, "peer", "cab")], "normal change"),
        ([asks({"change_type": ["normal"]}, "peer", "cab")], "an emergency change"),
        ([asks({"change_type": ["normal", "emergency"]}, "cab")], "No stage of the assessment is asked of a normal"),
        ([asks("always", "peer")], "No stage of the authorization is asked of a normal"),
        ([asks({"not": {"tags": ["lab"]}}, "peer", "cab")], "normal change"),
        ([asks({"window": {"business_hours": "touched"}}, "peer", "cab")], "normal change"),
        ([asks({"not": {"change_type": ["standard"]}}, "peer", "cab")], "a standard change that is not pre-approved"),
        ([asks({"all": ["always", {"device_count": {"at_least": 0}}]}, "peer", "cab")], "normal change"),
        ([{"name": "duty", "when": "always", "duties": ["review"]}], "normal change"),
    ],
)
def test_a_policy_that_could_let_a_change_through_unapproved_is_refused(rules: list[Document], words: str) -> None:
    found = refused(document(rules=rules))
    assert words in " ".join(found["rules"])
    assert "independent approver" in found["rules"][0]


@pytest.mark.parametrize(
    "rules",
    [
        [asks("always", "peer", "cab")],
        [asks({"change_type": ["normal"]}, "peer", "cab"), CERTAIN],
        [asks("always", "peer"), asks({"not": {"not": "always"}}, "cab", name="other")],
        [asks({"any": [{"sites": ["FRA"]}, "always"]}, "peer", "cab")],
        [asks({"change_type": ["normal"]}, "peer", "cab"), asks({"change_type": ["emergency"]}, "peer", name="b")],
    ],
)
def test_a_policy_that_asks_somebody_of_every_change_is_taken(rules: list[Document]) -> None:
    assert parse_policy(document(rules=rules))


# What ships


def shipped_asks(plan: PlanFacts) -> dict[str, int]:
    return {each.stage.name: each.stage.quorum for each in evaluate(shipped_policy("recommended"), plan).stages}


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (facts(), {"peer": 1, "cab": 1}),
        (facts(content={ContentKind.ACL: 1}), {"peer": 1, "security": 1, "cab": 1}),
        (facts(content={ContentKind.OTHER: 1}), {"peer": 1, "security": 1, "cab": 1}),
        (facts(risk=RiskLevel.HIGH), {"peer": 1, "cab": 2}),
        (facts(device_count=100), {"peer": 1, "cab": 2}),
        (facts(content={ContentKind.ROUTING: 3}, window=None), {"peer": 1, "service-owner": 1, "cab": 1}),
        (facts(warnings=(WarningFact("X", Severity.CRITICAL),)), {"peer": 1, "cab": 2}),
        (facts(change_type=ChangeType.EMERGENCY), {"ecab": 2}),
        (facts(change_type=ChangeType.STANDARD, within_envelope=True), {}),
        (facts(change_type=ChangeType.STANDARD), {"peer": 1, "cab": 1}),
        (PlanFacts(), {"peer": 1, "security": 1, "service-owner": 1, "cab": 2}),
    ],
)
def test_the_recommended_policy_asks_more_where_more_can_break(plan: PlanFacts, expected: dict[str, int]) -> None:
    assert shipped_asks(plan) == expected


def test_the_recommended_policy_wants_a_review_of_every_emergency() -> None:
    demand = evaluate(shipped_policy("recommended"), facts(change_type=ChangeType.EMERGENCY))
    assert Duty.REVIEW in demand.as_duties()
    assert demand.stages[0].stage.escalate_after_h == 1


def test_the_schema_refuses_what_it_can_see() -> None:
    schema: Any = VALIDATOR
    for wrong in ({"when": {"site": ["a"]}}, {"when": "never"}, {"ask": [{"stage": "cab", "quorum": 0}]}):
        assert not schema.is_valid(document({**rule("always"), **wrong}))
    assert schema.is_valid(json.loads(json.dumps(document())))
    assert yaml.safe_load(shipped_policy("builtin").to_yaml())["name"] == "builtin"
