from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django_q.models import OrmQ

from devices.models import PeriodicJob
from devices.services.periodic import CALLED_AGAIN_AFTER_S, periodic_call_due
from devices.tasks import periodic_run

pytestmark = pytest.mark.django_db(transaction=True)
TASK = "devices.tasks.backup_scheduled"


def queued() -> list[str]:
    return [queued.args()[0] for queued in OrmQ.objects.all() if queued.func() == "devices.tasks.periodic_run"]


def due_in(job: PeriodicJob) -> timedelta:
    assert job.called_at is not None
    return job.due_at - job.called_at


@pytest.fixture(autouse=True)
def _hourly(settings: object) -> None:
    settings.COUNTERSIGN_PERIODIC = {TASK: 3600, "devices.tasks.never": 0}  # type: ignore[attr-defined]


def test_a_task_is_called_once_when_it_is_due() -> None:
    assert periodic_call_due() == 0
    PeriodicJob.objects.update(due_at=Now() - timedelta(days=3))
    assert [periodic_call_due(), periodic_call_due()] == [1, 0]
    assert queued() == [TASK]
    periodic_run(TASK)
    assert due_in(PeriodicJob.objects.get()) == timedelta(hours=1)


def test_a_call_that_the_queue_forgot_is_made_again_before_the_next_interval() -> None:
    periodic_call_due()
    PeriodicJob.objects.update(due_at=Now())
    periodic_call_due()
    OrmQ.objects.all().delete()
    assert due_in(PeriodicJob.objects.get()) == timedelta(seconds=CALLED_AGAIN_AFTER_S)
    PeriodicJob.objects.update(due_at=Now())
    assert periodic_call_due() == 1
    assert queued() == [TASK]


def test_a_call_that_failed_is_no_lost_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise RuntimeError("on purpose")

    periodic_call_due()
    PeriodicJob.objects.update(due_at=Now())
    periodic_call_due()
    monkeypatch.setattr("devices.tasks.backup_scheduled", fail)
    with pytest.raises(RuntimeError):
        periodic_run(TASK)
    assert due_in(PeriodicJob.objects.get()) == timedelta(hours=1)


@pytest.mark.parametrize("name", ["os.getpid", "devices.tasks.never", "devices.tasks.backup_work"])
def test_only_recurring_tasks_of_the_installation_are_called(name: str) -> None:
    assert "no recurring task" in periodic_run(name)


def test_a_shorter_interval_holds_at_once(settings: object) -> None:
    periodic_call_due()
    settings.COUNTERSIGN_PERIODIC = {TASK: 60}  # type: ignore[attr-defined]
    periodic_call_due()
    assert PeriodicJob.objects.filter(due_at__lte=Now() + timedelta(seconds=61)).count() == 1
    assert queued() == []
