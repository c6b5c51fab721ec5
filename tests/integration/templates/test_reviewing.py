"""Nobody approves what they wrote, nothing changes after it was proposed, and the database says so too."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.domain.states import IllegalTransitionError
from changes.errors import ConflictError, DigestMismatchError, PolicyDeniedError, StaleEditError
from changes.models import Notification, TemplateReview, TemplateVersion
from changes.services import template_reviews, templates
from tests.database import as_owner
from tests.factories import Cast, actor, joins
from tests.integration.templates.conftest import NTP, approved_template, made_from, proposed, reviewed

pytestmark = pytest.mark.django_db


def test_a_version_that_pre_approves_needs_a_peer_and_the_cab(cast: Cast) -> None:
    version = proposed(cast.author)
    version = reviewed(version, cast.approver)
    assert version.state == "proposed"
    version = reviewed(version, cast.peer)
    assert version.state == "approved"
    events = Event.objects.filter(object_type="template_version", object_id=str(version.pk)).order_by("id")
    assert list(events.values_list("action", flat=True)) == [
        "template_version.created",
        "template_version.proposed",
        "template_version.approved",
    ]


def test_those_who_can_review_it_are_told(cast: Cast) -> None:
    version = proposed(cast.colleague)
    told = Notification.objects.filter(path=f"/templates/{version.template_id}/versions/1/")
    people = {cast.peer.pk, cast.approver.pk, cast.second_approver.pk}  # the colleague is both, but wrote it
    assert set(told.values_list("person_id", flat=True)) == people


def test_without_an_envelope_a_peer_is_enough(cast: Cast) -> None:
    assert reviewed(proposed(cast.author, envelope=None), cast.peer).state == "approved"


def test_who_wrote_a_part_of_it_is_refused_and_nothing_is_written(cast: Cast) -> None:
    version = templates.template_create(data=NTP, author=actor(cast.author))
    templates.version_edit(
        template_id=version.template_id, number=1, data={"trigger": "Other times."}, editor=actor(cast.colleague)
    )
    version = templates.version_propose(template_id=version.template_id, number=1, author=actor(cast.author))
    with pytest.raises(PolicyDeniedError) as refusal:
        reviewed(version, cast.colleague)
    assert refusal.value.code == "GATE_SELF_APPROVAL"
    assert not TemplateReview.objects.exists()
    assert Event.objects.filter(action="template.approve_refused").exists()


def test_one_person_gives_one_review_only_and_superusers_none(cast: Cast) -> None:
    joins(cast.approver, "peer")
    version = reviewed(proposed(cast.author), cast.approver)
    for person in (cast.approver, cast.superuser, cast.auditor, cast.outsider):
        with pytest.raises(PolicyDeniedError):
            reviewed(version, person)


def test_another_digest_is_refused(cast: Cast) -> None:
    version = proposed(cast.author)
    with pytest.raises(DigestMismatchError):
        template_reviews.version_approve(
            template_id=version.template_id, number=1, reviewer=actor(cast.peer), digest="0" * 64
        )


def test_a_returned_version_is_a_draft_again_and_its_reviews_are_void(cast: Cast) -> None:
    version = reviewed(proposed(cast.author), cast.peer)
    version = template_reviews.version_return(
        template_id=version.template_id,
        number=1,
        reviewer=actor(cast.approver),
        digest=version.digest,
        comment="Which servers?",
    )
    assert version.state == "draft"
    assert not version.reviews.filter(voided_at=None).exists()
    templates.version_propose(template_id=version.template_id, number=1, author=actor(cast.author))
    assert reviewed(version, cast.peer, cast.second_approver).state == "approved"


def test_an_incomplete_draft_cannot_be_proposed_and_says_all_that_is_missing(cast: Cast) -> None:
    version = templates.template_create(
        data={"name": "VLAN", "content": {"cisco_ios": "vlan {{ vlan }}\n"}}, author=actor(cast.author)
    )
    with pytest.raises(InvalidInputError) as refusal:
        templates.version_propose(template_id=version.template_id, number=1, author=actor(cast.author))
    assert {"purpose", "trigger", "backout_notes", "checks.post", "rubric[0].answer", "content.cisco_ios"} <= set(
        refusal.value.fields
    )


def test_the_next_version_carries_its_editors_and_takes_the_place_of_the_last(cast: Cast) -> None:
    first = approved_template(cast)
    second = templates.version_create(template_id=first.template_id, author=actor(cast.author))
    with pytest.raises(ConflictError):
        templates.version_create(template_id=first.template_id, author=actor(cast.author))
    templates.version_propose(template_id=first.template_id, number=2, author=actor(cast.author))
    with pytest.raises(PolicyDeniedError):
        reviewed(second, cast.colleague)  # what they wrote in the first version stands in the second
    assert reviewed(second, cast.peer, cast.approver).state == "approved"
    first.refresh_from_db()
    assert (first.state, first.deprecation_reason) == ("deprecated", f"{second.label} took its place.")


def test_edits_are_for_drafts_and_an_old_form_overwrites_nothing(cast: Cast) -> None:
    version = templates.template_create(data=NTP, author=actor(cast.author))
    key: dict[str, Any] = {"template_id": version.template_id, "number": 1, "editor": actor(cast.author)}
    templates.version_edit(**key, data={"purpose": "Another."}, edits=1)
    with pytest.raises(StaleEditError):
        templates.version_edit(**key, data={"purpose": "A third."}, edits=1)
    templates.version_propose(template_id=version.template_id, number=1, author=actor(cast.author))
    with pytest.raises(IllegalTransitionError):
        templates.version_edit(**key, data={"purpose": "Too late."})


def test_deprecation_names_a_successor_that_can_be_used(cast: Cast) -> None:
    old, new = approved_template(cast), approved_template(cast, name="NTP with keys")
    draft_only = templates.template_create(data={"name": "Draft"}, author=actor(cast.author))
    key: dict[str, Any] = {
        "template_id": old.template_id,
        "actor": actor(cast.manager),
        "comment": "Keys are needed now.",
    }
    for wrong in (old.template_id, draft_only.template_id, 999_999):
        with pytest.raises(InvalidInputError):
            templates.template_deprecate(**key, successor_id=wrong)
    with pytest.raises(PolicyDeniedError):
        templates.template_deprecate(**{**key, "actor": actor(cast.author)})
    assert templates.template_deprecate(**key, successor_id=new.template_id).state == "deprecated"
    old.template.refresh_from_db()
    assert old.template.successor_id == new.template_id


def refused_by_the_database(statement: str, *values: int | str) -> str:
    with pytest.raises(DatabaseError) as refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
    return str(refusal.value)


def test_sql_cannot_walk_around_the_reviews(cast: Cast) -> None:
    version = proposed(cast.author)
    table = "UPDATE changes_templateversion SET "
    key = version.pk
    assert "needs the review" in refused_by_the_database(table + "state = 'approved' WHERE id = %s", key)
    assert "cannot be changed" in refused_by_the_database(
        table + "document = '{\"envelope\":null}', envelope_digest = '',"
        " digest = encode(sha256('{\"envelope\":null}'), 'hex') WHERE id = %s",
        key,
    )
    assert "not that of its document" in refused_by_the_database(table + "envelope_digest = '' WHERE id = %s", key)
    assert "cannot become" in refused_by_the_database(table + "state = 'deprecated' WHERE id = %s", key)
    assert "never taken out" in refused_by_the_database("DELETE FROM changes_templateversion_editors")
    insert = (
        "INSERT INTO changes_templatereview (version_id, reviewer_id, role, decision, digest, comment)"
        " VALUES (%s, %s, 'peer', 'approved', %s, '')"
    )
    assert "GATE_SELF_APPROVAL" in refused_by_the_database(insert, key, cast.author.pk, version.digest)
    assert "GATE_DIGEST_MISMATCH" in refused_by_the_database(insert, key, cast.peer.pk, "0" * 64)
    for person in (cast.outsider, cast.superuser, cast.approver):
        assert "GATE_ROLE_DENIED" in refused_by_the_database(insert, key, person.pk, version.digest)


def test_sql_gives_no_pre_approval_back(cast: Cast) -> None:
    version = approved_template(cast)
    open_change = made_from(version, cast.author)
    insert = (
        "INSERT INTO changes_preapprovalrestoration (template_id, change_ids, restored_by_id, reason)"
        " VALUES (%s, ARRAY[%s], %s, 'Because.')"
    )
    joins(cast.colleague, "change-manager")
    joins(cast.author, "change-manager")
    for person in (cast.outsider, cast.superuser, cast.colleague, cast.author):
        said = refused_by_the_database(insert, version.template_id, open_change.pk, person.pk)
        assert "without a hand in it" in said
    said = refused_by_the_database(insert, version.template_id, open_change.pk, cast.manager.pk)
    assert "are closed" in said


def test_what_was_reviewed_stays(cast: Cast) -> None:
    version = approved_template(cast)
    assert "permission denied" in refused_by_the_database("DELETE FROM changes_templatereview")
    assert "permission denied" in refused_by_the_database("DELETE FROM changes_templateversion")
    with as_owner():
        assert "stays as it was made" in refused_by_the_database("DELETE FROM changes_templatereview")
        assert "stays" in refused_by_the_database("DELETE FROM changes_templateversion WHERE id = %s", version.pk)
    back = "UPDATE changes_templateversion SET state = 'draft' WHERE id = %s"
    assert "cannot become" in refused_by_the_database(back, version.pk)


@pytest.mark.django_db(transaction=True)
def test_no_version_is_born_or_moved_without_its_event(cast: Cast) -> None:
    version = proposed(cast.author)
    with pytest.raises(DatabaseError, match="no audit event"), transaction.atomic():
        TemplateVersion.objects.filter(pk=version.pk).update(state="draft")
