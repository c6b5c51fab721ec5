"""Commitments: what stands in a sealed body in place of a text of a person."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from audit.actor import Actor, Origin
from audit.body import canonical
from audit.errors import UnrecordableError
from audit.recorder import event_values
from audit.redaction.commitments import (
    MEMBER,
    REDACTED,
    Opening,
    commit,
    commitment,
    commitments,
    opens,
    sealed_in,
    told,
)
from audit.redaction.fields import FREE_TEXT, is_text_of_a_person

SALT = bytes(range(32))
ANA = Actor(user_id=7, username="ana", origin=Origin.WEB)


def body(**given: object) -> dict[str, object]:
    whole: dict[str, object] = {"reason": "", "object": {"label": ""}, "before": None, "after": None, "details": None}
    return whole | given


def test_a_commitment_is_the_keyed_hash_of_the_text() -> None:
    by_the_standard = hmac.new(SALT, "Grüße".encode(), hashlib.sha256).hexdigest()
    assert commitment(SALT, "Grüße") == f"hmac-sha256:{by_the_standard}"
    assert opens(commitment(SALT, "Grüße"), SALT, "Grüße")


@pytest.mark.parametrize(
    ("salt", "value"),
    [(SALT, "other"), (SALT, ""), (bytes(32), "text"), (SALT[:31], "text"), (SALT + b"\0", "text"), (b"", "text")],
)
def test_nothing_else_opens_it(salt: bytes, value: str) -> None:
    assert not opens(commitment(SALT, "text"), salt, value)


def test_a_key_that_the_hash_would_pad_to_the_same_does_not_open_it() -> None:
    short = SALT[:31] + b"\0"  # HMAC fills a shorter key with zeros
    assert commitment(short, "text") == commitment(short[:31], "text")
    assert not opens(commitment(short, "text"), short[:31], "text")


def test_the_same_text_is_never_committed_to_alike() -> None:
    both = [commit(body(reason="No."), "change")[0] for _ in range(2)]
    assert both[0].salt != both[1].salt
    assert {len(each.salt) for each in both} == {32}


def test_texts_of_people_are_taken_out_wherever_they_stand_and_come_back_where_they_stood() -> None:
    said = body(
        reason="Because.",
        object={"label": "CHG-00017 Move ACME"},
        before={"title": "", "type": "normal", "content": "no shutdown"},
        after={"title": "Move ACME", "targets": {"device_ids": [1, 2]}, "name": "x"},
        details={"items": ["one", "two"], "digest": "ab", "a/b~c": {"comment": "deep"}, "rows": [{"note": "n"}, 3]},
    )
    sealed = json.loads(json.dumps(said))
    openings = {each.path: each.value for each in commit(sealed, "change")}
    assert openings == {
        "/reason": "Because.", "/object/label": "CHG-00017 Move ACME", "/before/content": "no shutdown",
        "/after/title": "Move ACME", "/after/name": "x", "/details/items/0": "one", "/details/items/1": "two",
        "/details/a~1b~0c/comment": "deep", "/details/rows/0/note": "n",
    }  # fmt: skip
    assert {path for path, _ in commitments(sealed)} == set(openings)
    assert told(sealed, openings) == said
    assert told(sealed, {})["reason"] == REDACTED
    assert not any(text in json.dumps(sealed) for text in ("ACME", "deep", "shutdown", "Because"))


def test_what_the_checks_judge_by_stays() -> None:
    judged = {
        "plan_digest": "ab", "stage": "cab", "approver_id": 3, "template_version_id": 5, "group": "cab",
        "manifest_sha256": "cd", "demand_digest": "ef", "run": 4, "given_at": "2026-01-01T00:00:00.000000Z",
    }  # fmt: skip
    assert not FREE_TEXT & judged.keys()
    assert commit(body(details=dict(judged), after=dict(judged)), "approval") == []


def test_the_name_of_a_device_stays_and_that_of_a_meeting_does_not() -> None:
    assert commit(body(after={"name": "fra-sw-01"}, object={"label": "fra-sw-01"}), "device") == []
    assert len(commit(body(after={"name": "CAB"}, object={"label": "CAB"}), "meeting")) == 2


@pytest.mark.parametrize("place", ["details", "after"])
def test_nobody_can_record_what_looks_like_a_commitment(place: str) -> None:
    forged = {"deep": [{MEMBER: commitment(SALT, "x")}]}
    with pytest.raises(UnrecordableError, match="/deep/0: has the form of a commitment"):
        commit(body(**{place: forged}), "change")


@pytest.mark.parametrize(
    "value", ["hmac-sha256:ab", {MEMBER: "x"}, {MEMBER: 3}, {MEMBER: commitment(SALT, "x"), "b": 1}]
)
def test_other_values_are_no_commitments(value: object) -> None:
    assert sealed_in(value) == ""


def test_an_event_gives_its_texts_beside_its_body() -> None:
    *columns, paths, salts, values = event_values(
        actor=ANA, action="change.created", object_type="change", object_id=1, object_label="CHG-00001 T\0itle",
        reason="A\ud800b", after={"title": "Title"},
    )  # fmt: skip
    sealed = json.loads(str(columns[-1]))
    assert canonical(sealed) == columns[-1]
    assert paths == ["/reason", "/object/label", "/after/title"]
    assert values == ["A\ufffdb", "CHG-00001 Title", "Title"]
    assert "Title" not in " ".join(map(str, columns))
    opened = [Opening(*each) for each in zip(paths, salts, values, strict=True)]  # type: ignore[arg-type]
    promised = dict(commitments(sealed))
    assert all(opens(promised[each.path], each.salt, each.value) for each in opened)


def test_what_people_look_for_is_committed_to_with_all_that_is_in_it() -> None:
    said = body(details={"format": "csv", "filters": {"actor": "hunter2", "ids": [1], "deep": {"x": ["hunter2"]}}})
    openings = {each.path: each.value for each in commit(said, "export")}
    assert openings == {"/details/filters/actor": "hunter2", "/details/filters/deep/x/0": "hunter2"}
    assert "hunter2" not in json.dumps(said)


@pytest.mark.parametrize("kind", ["legal_hold", "scheduled_start", "change"])
def test_a_label_that_people_choose_is_committed_to(kind: str) -> None:
    said = body(object={"label": "Doe against ACME"})
    assert [each.path for each in commit(said, kind)] == ["/object/label"]


def test_why_a_decision_was_withdrawn_and_a_line_that_was_spoken_of_are_texts_of_people() -> None:
    said = body(details={"because": "hunter2", "line": "username x password hunter2", "stage": "peer"})
    assert [each.path for each in commit(said, "approval")] == ["/details/because", "/details/line"]


@pytest.mark.parametrize(
    ("path", "kind", "is_one"),
    [
        ("/reason", "approval", True),
        ("/object/label", "change", True),
        ("/object/label", "approval", False),
        ("/after/title", "change", True),
        ("/after/name", "change", True),
        ("/after/name", "device", False),
        ("/details/items/0", "meeting", True),
        ("/details/filters/actor", "export", True),
        ("/details/a~1b~0c/comment", "change", True),
        ("/details/plan_digest", "approval", False),
        ("/details/stages/0", "change", False),
        ("/actor/name", "change", False),
        ("/object/id", "change", False),
        ("/state/to", "change", False),
        ("/details", "change", False),
        ("/", "change", False),
        ("/code", "change", False),
    ],
)
def test_where_texts_of_people_stand(path: str, kind: str, is_one: bool) -> None:
    assert is_text_of_a_person(path, kind) is is_one


_NAMES = some.sampled_from(["note", "items", "name", "filters", "stage", "0", "a/b~c", ""])
_VALUES = some.recursive(
    some.sampled_from(["", "text", 7, None]),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(details=some.dictionaries(_NAMES, _VALUES, max_size=4), kind=some.sampled_from(["change", "approval"]))
def test_what_is_committed_to_stands_where_the_verification_allows_it(details: dict[str, object], kind: str) -> None:
    said = body(details=details, reason="x", object={"label": "y"})
    assert all(is_text_of_a_person(each.path, kind) for each in commit(said, kind))
