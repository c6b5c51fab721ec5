from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django_q.models import OrmQ

from devices.models import PeriodicJob
from devices.services.periodic import periodic_call_due

pytestmark = pytest.mark.django_db(transaction=True)
TASK = "devices.tasks.example"


def queued() -> list[str]:
    return [queued.func() for queued in OrmQ.objects.all()]


@pytest.fixture(autouse=True)
def _hourly(settings: object) -> None:
    settings.COUNTERSIGN_PERIODIC = {TASK: 3600, "devices.tasks.never": 0}  # type: ignore[attr-defined]


def test_a_task_is_called_once_when_it_is_due() -> None:
    assert periodic_call_due() == 0
    PeriodicJob.objects.update(due_at=Now() - timedelta(days=3))
    assert [periodic_call_due(), periodic_call_due()] == [1, 0]
    assert queued() == [TASK]
    job = PeriodicJob.objects.get()
    assert job.called_at is not None
    assert job.due_at - job.called_at == timedelta(hours=1)


def test_a_shorter_interval_holds_at_once(settings: object) -> None:
    periodic_call_due()
    settings.COUNTERSIGN_PERIODIC = {TASK: 60}  # type: ignore[attr-defined]
    periodic_call_due()
    assert PeriodicJob.objects.filter(due_at__lte=Now() + timedelta(seconds=61)).count() == 1
    assert queued() == []
