"""Who is told what a run came to, and who is not."""

import pytest

from changes.domain.notifications import Topic
from changes.models import Notification
from changes.services.run_orders import run_pause
from tests.factories import Cast, DeviceFactory, actor, carried_out, started, wave_carried_out

pytestmark = pytest.mark.django_db


def told(topic: Topic) -> set[str]:
    return set(Notification.objects.filter(topic=topic).values_list("person__username", flat=True))


def test_who_takes_part_is_told_how_a_run_ended() -> None:
    cast = Cast.create()
    run = carried_out(started(cast, [DeviceFactory.create()]))
    assert told(Topic.RUN_ENDED) == {"author"}
    row = Notification.objects.get(topic=Topic.RUN_ENDED)
    assert "succeeded" in row.subject
    assert row.path == f"/changes/{run.change_id}/execution/"


def test_who_pauses_a_run_is_not_told_of_it_and_the_others_are() -> None:
    cast = Cast.create()
    run = started(cast, [DeviceFactory.create()])
    run_pause(change_id=run.change_id, actor=actor(cast.implementer), comment="Wait for the site.")
    assert told(Topic.RUN_NEEDS_PERSON) == {"author"}
    assert not told(Topic.RUN_STARTED)


def test_everybody_who_may_answer_a_gate_is_told() -> None:
    cast = Cast.create()
    strategy = {"canary": 1, "gate": "after_canary", "gate_role": "change-manager"}
    run = started(cast, [DeviceFactory.create(), DeviceFactory.create()], strategy=strategy)
    wave_carried_out(run)
    assert told(Topic.RUN_NEEDS_PERSON) == {"manager"}
