"""What the demo's calendar holds."""

from __future__ import annotations

import pytest

from changes.models import ChangeFreeze, ChangeRequest, MaintenanceWindow, ScheduleProblem
from changes.services.calendar import recurring
from changes.services.execution import change_start
from portal.demo.calendar import calendar_fill, schedule_freely
from tests import factories

pytestmark = pytest.mark.django_db


def test_the_calendar_shows_a_window_a_freeze_and_a_change_and_leaves_access_switches_free() -> None:
    cast = factories.Cast.create()
    spine = factories.approved(cast, [factories.DeviceFactory.create(role="distribution")])
    access = factories.approved(cast, [factories.DeviceFactory.create(role="access")])
    calendar_fill(factories.actor(cast.manager))
    schedule_freely(spine, factories.actor(cast.author))
    found = ChangeRequest.objects.get(pk=spine.pk)
    assert found.window_start
    assert found.window_end
    window = recurring(MaintenanceWindow.objects.get())
    assert [each.start.weekday() for each in window.periods(found.window_start, found.window_end)] == [6]
    assert ChangeFreeze.objects.filter(lifted_at=None).count() == 1
    assert not ScheduleProblem.objects.exists()
    assert change_start(change_id=access.pk, implementer=factories.actor(cast.author)).state == "running"
