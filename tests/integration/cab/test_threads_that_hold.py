"""Threads hold a change where its policy says so, and nobody with a hand in it lets it go."""

import pytest
from django.db import DatabaseError
from django.utils import timezone

from changes.errors import PolicyDeniedError
from changes.models import Thread, ThreadState
from changes.services.execution import change_start
from changes.services.threads import thread_open, thread_resolve
from devices.models import Device
from tests.factories import Cast, actor, joins
from tests.integration.approvals.office import again, decide, in_review, stage
from tests.integration.cab.conftest import committed
from tests.integration.templates.conftest import approved_template, made_from

pytestmark = pytest.mark.django_db

STAGES = (stage("peer", step="assessment"), stage("cab"))


def test_a_thread_that_is_opened_after_the_last_approval_holds_the_start(cast: Cast, device: Device) -> None:
    held = in_review(cast.author, [device], *STAGES, duties=["resolve_threads"])
    free = in_review(cast.author, [device], *STAGES)
    for change in (held, free):
        for person in (cast.peer, cast.approver):
            decide(change, person)
    asked = thread_open(change_id=held.pk, actor=actor(cast.colleague), text="Is the other link up?").comment.thread

    with pytest.raises(PolicyDeniedError) as refused:
        change_start(change_id=held.pk, implementer=actor(cast.implementer))
    assert refused.value.code == "THREADS_UNRESOLVED"
    assert again(held).state == "approved"

    thread_resolve(thread_id=asked.pk, actor=actor(cast.peer))
    change_start(change_id=held.pk, implementer=actor(cast.implementer))
    assert again(held).state == "implementing"


def test_who_wrote_the_template_does_not_resolve_what_others_ask_of_a_change_from_it(
    cast: Cast, device: Device
) -> None:
    change = made_from(approved_template(cast), cast.author, type="normal", targets={"device_ids": [device.pk]})
    asked = thread_open(change_id=change.pk, actor=actor(cast.peer), text="Why these servers?").comment.thread
    joins(cast.colleague, "change-manager")
    with pytest.raises(PolicyDeniedError):
        thread_resolve(thread_id=asked.pk, actor=actor(cast.colleague))
    with pytest.raises(DatabaseError, match="does not resolve what others ask"):
        committed(
            lambda: Thread.objects.update(
                state=ThreadState.RESOLVED, resolved_by=cast.colleague, resolved_at=timezone.now()
            )
        )
    assert thread_resolve(thread_id=asked.pk, actor=actor(cast.manager)).state == ThreadState.RESOLVED
