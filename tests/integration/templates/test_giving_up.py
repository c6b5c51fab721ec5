"""Who wrote a template keeps a hand in the lines that stay when a change gives it up."""

import pytest
from django.contrib.auth.models import User

from changes.errors import PolicyDeniedError
from changes.models import ChangeRequest
from changes.services.approvals import change_assess, plan_open
from changes.services.requests import change_edit, change_submit
from tests.factories import Cast, DeviceFactory, actor, joins, ready_plan
from tests.integration.templates.conftest import approved_template, made_from

pytestmark = pytest.mark.django_db


def refused(change: ChangeRequest, person: User) -> bool:
    """Whether the first stage refuses this person as somebody with a hand in the change."""
    revision = ready_plan(change, [DeviceFactory.create()])
    change_submit(change_id=change.pk, requester=actor(change.author))
    plan_open(revision=revision, actor=actor(person))
    with pytest.raises(PolicyDeniedError, match="You edited this change"):
        change_assess(change_id=change.pk, approver=actor(person), plan_digest=revision.digest)
    return True


def test_a_template_s_author_cannot_approve_their_lines_after_the_template_was_given_up(cast: Cast) -> None:
    version = approved_template(cast)
    joins(cast.colleague, "peer")
    change = made_from(version, cast.author, type="normal")
    change_edit(change_id=change.pk, data={"template": None}, editor=actor(cast.author))
    change.refresh_from_db()
    assert change.template_version_id is None
    assert "ntp server" in change.content
    assert refused(change, cast.colleague)


def test_neither_when_the_row_alone_is_altered(cast: Cast) -> None:
    change = made_from(approved_template(cast), cast.author, type="normal")
    ChangeRequest.objects.filter(pk=change.pk).update(template_version=None)
    assert cast.colleague in change.editors.all()


def test_who_wrote_the_template_that_was_taken_before_has_no_hand_in_other_lines(cast: Cast) -> None:
    change = made_from(approved_template(cast), cast.author, type="normal")
    other = approved_template(cast, name="Other servers")
    change_edit(change_id=change.pk, data={"template": other.template_id}, editor=actor(cast.author))
    assert list(change.editors.all()) == [cast.author]
