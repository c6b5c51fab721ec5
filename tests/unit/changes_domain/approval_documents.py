"""Policy documents and facts for the tests of approval policies: small ones by hand, and any by hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from changes.domain.approval_policy.document import SCHEMA, ApprovalPolicy
from changes.domain.approval_policy.facts import PlanFacts, WarningFact
from changes.domain.approval_policy.parsing import parse_policy
from changes.domain.approval_policy.vocabulary import BusinessHours, Duty, Weekday
from changes.domain.risk.levels import RiskLevel
from changes.domain.states import ChangeType
from changes.domain.windows import Period
from devices.domain.severity import Severity
from devices.domain.warnings.content_kinds import ContentKind

Document = dict[str, Any]

SATURDAY_NIGHT = Period(datetime(2026, 11, 21, 22, tzinfo=UTC), datetime(2026, 11, 21, 23, 30, tzinfo=UTC))
BASE_RULE = {"name": "base", "when": "always", "ask": [{"stage": "peer"}, {"stage": "cab"}]}


def document(*rules: object, **changed: object) -> Document:
    """A valid document with a rule that asks peer and CAB of every change, and these rules beside it."""
    return {
        "schema": SCHEMA,
        "name": "office",
        "version": 3,
        "title": "Office network",
        "stages": [
            {"name": "peer", "title": "Technical peer", "step": "assessment", "groups": ["peer"]},
            {"name": "security", "title": "Security", "step": "assessment", "groups": ["secops"]},
            {"name": "cab", "title": "CAB", "step": "authorization", "groups": ["cab"]},
        ],
        "rules": [BASE_RULE, *rules],
    } | changed


def policy(*rules: object, **changed: object) -> ApprovalPolicy:
    return parse_policy(document(*rules, **changed))


def rule(when: object, *, name: str = "extra", stage: str = "security", **ask: object) -> Document:
    return {"name": name, "when": when, "ask": [{"stage": stage, **ask}]}


def facts(**changed: object) -> PlanFacts:
    """A small normal change on which everything is known, and nothing special."""
    known: dict[str, Any] = {
        "risk": RiskLevel.LOW,
        "device_count": 3,
        "platforms": {"cisco_ios": 3},
        "roles": {"access": 3},
        "sites": {"FRA": 2, "AMS": 1},
        "tags": {},
        "tenants": {},
        "content": {ContentKind.NTP: 3},
        "warnings": (),
        "window": SATURDAY_NIGHT,
    }
    return PlanFacts(**(known | changed))


# Anything that a policy and a plan can be

names = st.sampled_from(["FRA", "AMS", "ber", "lab", "core", "access", "pci", "yes", "22:00", "no"])
counted = st.sampled_from(["platforms", "roles", "sites", "tags", "tenants"])
value_lists = st.lists(names, min_size=1, max_size=3, unique_by=str.casefold)
kinds = st.lists(st.sampled_from([kind.value for kind in ContentKind]), min_size=1, max_size=3, unique=True)
severities = st.sampled_from([severity.value for severity in Severity])
codes = st.sampled_from(["MANAGEMENT_PATH", "NEGATE_THEN_ADD", "DEFAULT_ROUTE"])


def _any_of(values: st.SearchStrategy[list[str]]) -> st.SearchStrategy[object]:
    return values | st.fixed_dictionaries({"any_of": values, "devices_at_least": st.integers(1, 5)})


positive_leaves: st.SearchStrategy[object] = st.one_of(
    st.just("always"),
    st.builds(lambda levels: {"risk": {"at_least": levels.value}}, st.sampled_from(list(RiskLevel))),
    st.builds(lambda least: {"device_count": {"at_least": least}}, st.integers(0, 8)),
    st.builds(lambda name, values: {name: values}, counted, _any_of(value_lists)),
    st.builds(lambda values: {"content": values}, _any_of(kinds)),
    st.builds(
        lambda found, severity: {"warnings": {"codes": found, "severity_at_least": severity}},
        st.lists(codes, min_size=1, max_size=2, unique=True),
        severities,
    ),
    st.builds(lambda severity: {"warnings": {"severity_at_least": severity}}, severities),
)
other_leaves: st.SearchStrategy[object] = st.one_of(
    st.builds(lambda most: {"device_count": {"at_most": most}}, st.integers(0, 8)),
    st.builds(
        lambda types: {"change_type": types},
        st.lists(st.sampled_from([kind.value for kind in ChangeType]), min_size=1, max_size=2, unique=True),
    ),
    st.builds(lambda hours: {"window": {"business_hours": hours.value}}, st.sampled_from(list(BusinessHours))),
    st.builds(
        lambda days, minutes: {"window": {"weekdays": days, "longer_than_min": minutes}},
        st.lists(st.sampled_from([day.value for day in Weekday]), min_size=1, max_size=3, unique=True),
        st.integers(0, 600),
    ),
    st.just({"window": {"starts_from": "22:00", "starts_before": "05:00"}}),
)


def _combined(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    parts = st.lists(inner, min_size=1, max_size=3)
    return st.builds(lambda name, values: {name: values}, st.sampled_from(["all", "any"]), parts)


positive_conditions = st.recursive(positive_leaves, _combined, max_leaves=5)
conditions = st.recursive(
    positive_leaves | other_leaves,
    lambda inner: _combined(inner) | st.builds(lambda part: {"not": part}, inner),
    max_leaves=6,
)


def documents(when: st.SearchStrategy[object]) -> st.SearchStrategy[Document]:
    """Valid documents: the rule for every change, and up to four others with such conditions."""
    ask = st.fixed_dictionaries(
        {"stage": st.sampled_from(["peer", "security", "cab"])},
        optional={"quorum": st.integers(1, 4), "expires_after_h": st.integers(1, 100)},
    )
    duties = st.lists(st.sampled_from([duty.value for duty in Duty]), max_size=2, unique=True)
    body = st.fixed_dictionaries({"when": when, "ask": st.lists(ask, min_size=1, max_size=1), "duties": duties})
    return st.lists(body, max_size=4).map(
        lambda bodies: document(*({"name": f"rule-{number}", **each} for number, each in enumerate(bodies)))
    )


windows = st.builds(
    lambda start, minutes: Period(
        datetime(2026, 11, 16, tzinfo=UTC) + timedelta(hours=start),
        datetime(2026, 11, 16, tzinfo=UTC) + timedelta(hours=start, minutes=minutes),
    ),
    st.integers(0, 24 * 7),
    st.integers(1, 1_000),
)
_counts = st.none() | st.dictionaries(names, st.integers(0, 6), max_size=4)
warning_facts = st.builds(
    lambda code, severity, devices: WarningFact(code, Severity(severity), devices),
    codes,
    severities,
    st.integers(1, 5),
)
any_facts = st.builds(
    PlanFacts,
    change_type=st.sampled_from(list(ChangeType)),
    risk=st.none() | st.sampled_from(list(RiskLevel)),
    device_count=st.none() | st.integers(0, 9),
    platforms=_counts,
    roles=_counts,
    sites=_counts,
    tags=_counts,
    tenants=_counts,
    content=st.none() | st.dictionaries(st.sampled_from(list(ContentKind)), st.integers(1, 5), max_size=3),
    warnings=st.none() | st.lists(warning_facts, max_size=3).map(tuple),
    window=st.none() | windows,
    within_envelope=st.booleans(),
)
