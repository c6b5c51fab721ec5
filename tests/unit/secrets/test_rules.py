"""Which credential opens which device: the first rule decides, scopes refuse, and nothing falls back."""

from __future__ import annotations

import pytest
import yaml

from devices.domain.credential_rules import CredentialRules, CredentialRulesError, Subject, parse_rules
from devices.domain.occasions import UNDECLARED, Occasion, OccasionKind, is_unusual

RULES = """
max_age_days: 90
credentials:
  core-rw: {purposes: [write], sites: [FRA], roles: [core], max_age_days: 30}
  core-ro: {purposes: [read]}
rules:
  - {devices: [fra-core-*], read: core-ro, write: core-rw}
  - {sites: [MUC], read: core-ro, write: core-rw}
  - {tags: [frozen], read: core-ro}
  - {roles: [access], read: "@inventory", write: "@inventory"}
"""


@pytest.fixture
def rules() -> CredentialRules:
    return parse_rules(yaml.safe_load(RULES))


CORE = Subject("fra-core-01", site="FRA", role="core", platform="cisco_ios")


def test_the_first_rule_that_matches_decides(rules: CredentialRules) -> None:
    assert rules.choose(CORE, "read") == ("core-ro", "")
    assert rules.choose(CORE, "write") == ("core-rw", "")
    assert rules.choose(Subject("x", role="Access", credential="own"), "write") == ("own", "")


@pytest.mark.parametrize(
    ("subject", "purpose", "sentence"),
    [
        (Subject("muc-1", site="MUC", role="core"), "write", "does not cover muc-1 (sites FRA; roles core)"),
        (Subject("fra-core-9", site="FRA", role="edge"), "write", "does not cover fra-core-9"),
        (Subject("x", tags=("frozen",)), "write", "names no credential for write sessions"),
        (Subject("elsewhere", credential="own"), "read", "No credential rule covers elsewhere"),
    ],
)
def test_what_no_rule_or_scope_covers_gets_nothing_else(
    rules: CredentialRules, subject: Subject, purpose: str, sentence: str
) -> None:
    name, why = rules.choose(subject, purpose)
    assert name == ""
    assert sentence in why


def test_a_purpose_outside_of_the_scope_is_refused() -> None:
    rules = parse_rules({"credentials": {"a": {"purposes": ["read"]}}, "rules": [{"read": "a", "write": "a"}]})
    assert rules.choose(CORE, "read") == ("a", "")
    assert rules.choose(CORE, "write")[1] == "The credential “a” is declared for read sessions only."


def test_without_a_declaration_the_inventory_decides() -> None:
    assert CredentialRules().choose(Subject("x", credential="lab"), "write") == ("lab", "")
    scoped = parse_rules({"credentials": {"lab": {"sites": ["FRA"]}}})
    assert scoped.choose(Subject("x", site="FRA", credential="lab"), "write") == ("lab", "")
    assert "does not cover" in scoped.choose(Subject("x", site="MUC", credential="lab"), "write")[1]


def test_names_and_ages_are_listed(rules: CredentialRules) -> None:
    assert rules.names() == ("core-ro", "core-rw")
    assert [rules.scope(name).max_age_days for name in ("core-rw", "core-ro", "other")] == [30, 90, 90]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "names and values are expected"),
        ("rulez: []", "“rulez” is not known"),
        ("rules: core", "must be a list"),
        ("rules: [{sites: [FRA]}]", "give one at least"),
        ("rules: [{site: [FRA], read: a}]", "“site” is not known"),
        ("rules: [{sites: [1], read: a}]", "list of texts"),
        ("rules: [{read: 5}]", "names of credentials"),
        ("credentials: {a: {purposes: [delete]}}", "read and write"),
        ("credentials: {a: {purposes: []}}", "read and write"),
        ("credentials: {a: {password: x}}", "“password” is not known"),
        ("max_age_days: -1", "0 to 3650"),
        ("max_age_days: true", "0 to 3650"),
    ],
)
def test_a_bad_declaration_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(CredentialRulesError, match=sentence):
        parse_rules(yaml.safe_load(text))


def test_only_a_run_writes_and_everything_undeclared_is_unusual() -> None:
    assert [Occasion(kind).purpose for kind in OccasionKind] == ["read", "write", "read", "read", "read"]
    assert is_unusual(UNDECLARED, "read")
    assert is_unusual(Occasion(OccasionKind.BACKUP, 1), "write")
    assert is_unusual(Occasion(OccasionKind.RUN, 1), "read")
    assert not is_unusual(Occasion(OccasionKind.RUN, 1), "write")
    assert not is_unusual(Occasion(OccasionKind.PLAN, 1), "read")
