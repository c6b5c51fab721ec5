"""Versions of policies: who writes, proposes and activates one, and that none of it can be walked around."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audit.models import Event
from changes.domain.approval_policy.reading import read_policy
from changes.domain.approval_policy.shipped_policies import BUILTIN_POLICY, shipped_policy
from changes.domain.errors import InvalidInputError
from changes.domain.states import IllegalTransitionError
from changes.errors import ConflictError, PlanIntegrityError, PolicyDeniedError
from changes.models import ApprovalPolicyVersion
from changes.services.approval_policies import (
    active_policy,
    install_shipped_policies,
    policy_by_digest,
    policy_propose,
    policy_retire,
    policy_save_draft,
)
from changes.services.policy_activation import policy_activate, unknown_groups
from tests.database import as_owner
from tests.factories import Cast, PersonFactory, actor
from tests.integration.policies.conftest import Board, strict

Make = Callable[[str], ApprovalPolicyVersion]


def test_a_fresh_installation_has_the_shipped_policies_and_the_builtin_one_is_active(db: None) -> None:
    found = {row.label: row.state for row in ApprovalPolicyVersion.objects.all()}
    assert found == {"builtin-2": "active", "recommended-1": "draft"}
    assert active_policy() == BUILTIN_POLICY
    install_shipped_policies()
    assert ApprovalPolicyVersion.objects.count() == 2


def test_the_active_policy_costs_one_small_query(db: None, django_assert_num_queries: Callable[..., object]) -> None:
    active_policy()
    with django_assert_num_queries(1) as seen:  # type: ignore[attr-defined]
        assert active_policy() == BUILTIN_POLICY
    assert "document" not in seen.captured_queries[0]["sql"]


def test_another_persons_activation_makes_a_policy_judge_and_retires_the_one_before(
    board: Board, proposed: Make
) -> None:
    found = policy_activate(version_id=proposed(strict()).pk, actor=actor(board.manager), comment="Agreed.")
    assert (found.state, found.author, found.proposed_by, found.activated_by) == (
        "active", board.writer, board.writer, board.manager,
    )  # fmt: skip
    assert ApprovalPolicyVersion.objects.get(name="builtin").state == "retired"
    assert active_policy().label == "strict-1"
    actions = list(Event.objects.filter(object_type="approval_policy").order_by("id").values_list("action", flat=True))
    assert actions == [
        "approval_policy.drafted",
        "approval_policy.proposed",
        "approval_policy.retired",
        "approval_policy.activated",
    ]


@pytest.mark.parametrize("who", ["writer", "administrator", "security"])
def test_who_wrote_or_proposed_it_or_is_no_change_manager_cannot_activate_it(
    board: Board, proposed: Make, who: str
) -> None:
    found = proposed(strict())
    with pytest.raises(PolicyDeniedError):
        policy_activate(version_id=found.pk, actor=actor(getattr(board, who)), comment="Agreed.")
    found.refresh_from_db()
    assert found.state == "proposed"
    assert Event.objects.filter(action="approval_policy.activate_refused").count() == 1


def test_who_wrote_an_earlier_draft_of_it_cannot_activate_it_either(board: Board) -> None:
    policy_save_draft(actor=actor(board.manager), text=strict())
    second = policy_save_draft(actor=actor(board.writer), text=strict(version=2, quorum=3))
    policy_propose(version_id=second.pk, actor=actor(board.second_manager))
    for person in (board.manager, board.writer, board.second_manager):
        with pytest.raises(PolicyDeniedError):
            policy_activate(version_id=second.pk, actor=actor(person), comment="Agreed.")


def test_a_superuser_is_not_exempt(cast: Cast, board: Board, proposed: Make) -> None:
    with pytest.raises(PolicyDeniedError):
        policy_save_draft(actor=actor(cast.superuser), text=strict())
    with pytest.raises(PolicyDeniedError):
        policy_activate(version_id=proposed(strict()).pk, actor=actor(cast.superuser), comment="I may.")


def test_an_auditor_who_is_a_change_manager_too_only_reads(board: Board, proposed: Make) -> None:
    both = PersonFactory.create(username="both", roles=["auditor", "change-manager"])
    with pytest.raises(PolicyDeniedError, match="auditor"):
        policy_activate(version_id=proposed(strict()).pk, actor=actor(both), comment="I may.")


def test_a_draft_is_not_activated_without_having_been_proposed(board: Board) -> None:
    found = policy_save_draft(actor=actor(board.writer), text=strict())
    with pytest.raises(IllegalTransitionError):
        policy_activate(version_id=found.pk, actor=actor(board.manager), comment="Agreed.")


def test_the_active_version_is_not_retired_by_hand_but_may_come_back(board: Board, activated: Make) -> None:
    builtin = ApprovalPolicyVersion.objects.get(name="builtin")
    with pytest.raises(IllegalTransitionError):
        policy_retire(version_id=builtin.pk, actor=actor(board.manager), comment="No more.")
    activated(strict())
    policy_propose(version_id=builtin.pk, actor=actor(board.administrator), comment="Too much was asked.")
    policy_activate(version_id=builtin.pk, actor=actor(board.manager), comment="Agreed.")
    assert active_policy() == BUILTIN_POLICY


def test_a_new_draft_replaces_the_one_before(board: Board) -> None:
    first = policy_save_draft(actor=actor(board.writer), text=strict())
    policy_save_draft(actor=actor(board.writer), text=strict(version=2))
    first.refresh_from_db()
    assert first.state == "retired"
    assert ApprovalPolicyVersion.objects.get(name="recommended").state == "draft", "what ships stays at hand"


def test_a_version_number_is_used_once(board: Board) -> None:
    policy_save_draft(actor=actor(board.writer), text=strict())
    with pytest.raises(ConflictError, match="exactly this content"):
        policy_save_draft(actor=actor(board.writer), text=strict())
    with pytest.raises(ConflictError, match='"version: 2"'):
        policy_save_draft(actor=actor(board.writer), text=strict(quorum=4))


def test_a_file_that_cannot_be_read_says_where_and_nothing_is_kept(board: Board) -> None:
    text = strict().replace("change_type: [emergency]", "change_type: [emergencies]")
    with pytest.raises(InvalidInputError, match="Line 14") as refused:
        policy_save_draft(actor=actor(board.writer), text=text)
    assert next(iter(refused.value.fields)).startswith("rules[1].when.change_type")
    assert not ApprovalPolicyVersion.objects.filter(name="strict").exists()


def sql(statement: str, *values: str | int | None) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE changes_approvalpolicyversion SET document = '{}' WHERE id = %s",
        "UPDATE changes_approvalpolicyversion SET digest = repeat('0', 64) WHERE id = %s",
        "UPDATE changes_approvalpolicyversion SET author_id = NULL WHERE id = %s",
        "UPDATE changes_approvalpolicyversion SET version = 9 WHERE id = %s",
        "UPDATE changes_approvalpolicyversion SET proposed_by_id = NULL WHERE id = %s",
        "DELETE FROM changes_approvalpolicyversion WHERE id = %s",
        "UPDATE changes_approvalpolicyversion SET state = 'retired' WHERE id = %s",
        "UPDATE changes_approvalpolicyversion SET state = 'retired' WHERE state = 'active' AND id <> %s",
        "UPDATE changes_approvalpolicyversion SET state = 'draft' WHERE id = %s",
    ],
)
def test_the_database_keeps_a_version_as_it_was_written_and_its_steps_in_the_log(
    proposed: Make, statement: str
) -> None:
    found = proposed(strict())
    with pytest.raises(DatabaseError):
        sql(statement, found.pk)


def test_the_database_refuses_activation_by_who_wrote_it_and_a_version_that_begins_active(
    board: Board, proposed: Make
) -> None:
    found = proposed(strict())
    with pytest.raises(DatabaseError, match="GATE_SELF_APPROVAL"):
        sql(
            "UPDATE changes_approvalpolicyversion SET state = 'active', activated_by_id = %s, activated_at = now()"
            " WHERE id = %s",
            board.writer.pk,
            found.pk,
        )
    with pytest.raises(DatabaseError, match="begins as a draft"):
        sql(
            "INSERT INTO changes_approvalpolicyversion (name, version, title, document, digest, state)"
            " SELECT 'mine', 1, title, document, digest, 'active' FROM changes_approvalpolicyversion WHERE id = %s",
            found.pk,
        )


def test_a_policy_that_names_a_group_that_does_not_exist_is_not_activated(
    board: Board, proposed: Make, django_assert_num_queries: Callable[..., AbstractContextManager[object]]
) -> None:
    found = proposed(
        strict().replace(
            "groups: [security]", "groups: [secrity], delegates: [Peer], escalate: {after_h: 1, to: [no-one]}"
        )
    )
    policy = policy_by_digest(found.digest)
    with django_assert_num_queries(1):
        sentences = unknown_groups(policy)
    assert [sentence.split(" Correct")[0] for sentence in sentences] == [
        'The stage Security asks “secrity”, and there is no such group. Did you mean "security"?',
        'The stage Security lets members of “Peer” act for others, and there is no such group. Did you mean "peer"?',
        "The stage Security escalates to “no-one”, and there is no such group.",
    ]
    with pytest.raises(ConflictError, match="secrity") as refusal:
        policy_activate(version_id=found.pk, actor=actor(board.manager), comment="Agreed.")
    assert refusal.value.code == "policy_group_unknown"
    assert active_policy().digest == BUILTIN_POLICY.digest
    Group.objects.bulk_create([Group(name=name) for name in ("secrity", "Peer", "no-one")])
    policy_activate(version_id=found.pk, actor=actor(board.manager), comment="The groups are there now.")
    assert active_policy().digest == found.digest


def test_a_version_that_nobody_wrote_and_that_did_not_ship_is_not_activated(board: Board) -> None:
    """By SQL: whoever wrote it could otherwise activate it themselves, with another one's proposal."""
    text = read_policy(strict()).canonical().decode()
    values = {"name": "strict", "version": 1, "title": "Mine", "document": text,
              "digest": hashlib.sha256(text.encode()).hexdigest()}  # fmt: skip
    for decided in ({"activated_at": timezone.now()}, {"proposed_by": board.writer}, {"activated_by": board.writer}):
        with pytest.raises(DatabaseError, match="before it was written"), transaction.atomic():
            ApprovalPolicyVersion.objects.create(**values, **decided)
    found = ApprovalPolicyVersion.objects.create(**values)
    policy_propose(version_id=found.pk, actor=actor(board.writer))
    with pytest.raises(PlanIntegrityError, match="Nobody knows who wrote strict-1"):
        policy_activate(version_id=found.pk, actor=actor(board.manager), comment="Agreed.")


def test_a_stored_document_that_is_not_what_its_digest_says_is_not_believed(board: Board) -> None:
    found = policy_save_draft(actor=actor(board.writer), text=strict())
    with transaction.atomic(), as_owner() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE changes_approvalpolicyversion DISABLE TRIGGER changes_policy_stays")
        cursor.execute(
            "UPDATE changes_approvalpolicyversion SET document = %s WHERE id = %s",
            [shipped_policy("builtin").canonical().decode(), found.pk],
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE changes_approvalpolicyversion ENABLE ALWAYS TRIGGER changes_policy_stays")
    policy_by_digest.cache_clear()
    with pytest.raises(PlanIntegrityError, match="altered"):
        policy_by_digest(found.digest)
