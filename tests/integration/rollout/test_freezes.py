"""Change freezes: who declares and lifts them, and that nothing is started while one is in force."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from audit.models import Event
from changes.domain.errors import ChangeError
from changes.domain.gates import GateMode
from changes.domain.run_states import DeviceRunState
from changes.models import ChangeFreeze, Run
from changes.services.execution import change_start, claimable_device_runs, run_advance
from changes.services.freezes import freeze_declare, freeze_lift
from changes.services.gates import GateRefusedError, Ladder
from changes.services.journal import Journal
from changes.services.run_orders import run_resume
from changes.services.windows import window_seen
from devices.services.claims import claim_next
from tests import factories


@pytest.fixture
def cast(db: None) -> factories.Cast:
    return factories.Cast.create()


def data(start_h: float = -1, end_h: float = 1) -> dict[str, object]:
    now = timezone.now()
    start, end = (now + timedelta(hours=hours) for hours in (start_h, end_h))
    times = {"starts_at": start.isoformat(), "ends_at": end.isoformat()}
    return {"name": "Year end", "comment": "The books are closed.", **times}


def declared(cast: factories.Cast, start_h: float = -1, end_h: float = 1) -> ChangeFreeze:
    return freeze_declare(actor=factories.actor(cast.manager), data=data(start_h, end_h))


def started(cast: factories.Cast, **strategy: object) -> Run:
    return factories.started(cast, factories.DeviceFactory.create_batch(3), strategy=strategy)


def advanced(run: Run) -> Run:
    run_advance(run.pk)
    run.refresh_from_db()
    return run


def test_nothing_starts_while_it_is_in_force_and_everything_after_it(cast: factories.Cast) -> None:
    change = factories.approved(cast, [factories.DeviceFactory.create()])
    declared(cast, 1, 2)
    declared(cast, -2, 0.001)
    ChangeFreeze.objects.filter(starts_at__lt=Now()).update(ends_at=Now())
    found = declared(cast)
    with pytest.raises(ChangeError, match="A change freeze is in force: Year end") as refused:
        change_start(change_id=change.pk, implementer=factories.actor(cast.author))
    assert refused.value.code == "FREEZE_ACTIVE"
    assert Event.objects.get(change_id=change.pk, action="change.start_refused").code == "FREEZE_ACTIVE"
    page = Client()
    page.force_login(cast.author)
    assert "A change freeze is in force" in page.get(f"/changes/{change.pk}/start/").content.decode()
    freeze_lift(freeze_id=found.pk, actor=factories.actor(cast.manager), comment="It is done.")
    assert change_start(change_id=change.pk, implementer=factories.actor(cast.author)).state == "running"


def test_it_pauses_a_run_before_the_next_wave_and_a_person_resumes_it(cast: factories.Cast) -> None:
    run = started(cast, canary=1)
    factories.wave_carried_out(run, advance=False)
    found = declared(cast)
    assert (advanced(run).state, run.code) == ("paused", "FREEZE_ACTIVE")
    assert not claimable_device_runs(run.pk).exists()
    with pytest.raises(ChangeError) as refused:
        run_resume(change_id=run.change_id, actor=factories.actor(cast.implementer))
    assert refused.value.code == "FREEZE_ACTIVE"
    freeze_lift(freeze_id=found.pk, actor=factories.actor(cast.manager), comment="It is done.")
    assert advanced(run).state == "paused", "nothing starts by itself"
    run_resume(change_id=run.change_id, actor=factories.actor(cast.implementer))
    assert claimable_device_runs(run.pk).count() == 2


def test_devices_in_flight_are_backed_out_where_the_strategy_says_so(cast: factories.Cast) -> None:
    run = started(cast, on_window_close="back_out")
    claim = claim_next(claimable_device_runs(run.pk), owner=uuid.uuid4())
    assert claim
    with Journal(claim).step(DeviceRunState.CONNECTING):
        pass
    declared(cast)
    assert (advanced(run).abort, run.code) == ("back_out", "FREEZE_ACTIVE")


def test_each_device_looks_again(cast: factories.Cast) -> None:
    run = started(cast)
    declared(cast)
    ladder = Ladder(factories.DeviceFactory.create(), GateMode.ENFORCED)
    device = run.device_runs.all()[0].device
    with pytest.raises(GateRefusedError, match="Year end") as refused:
        ladder.window(window_seen(run.change, device))
    assert refused.value.code == "FREEZE_ACTIVE"


@pytest.mark.parametrize("who", ["author", "implementer", "peer", "approver", "auditor", "superuser", "outsider"])
def test_who_is_no_change_manager_neither_declares_nor_lifts(cast: factories.Cast, who: str) -> None:
    by = factories.actor(getattr(cast, who))
    with pytest.raises(ChangeError) as refused:
        freeze_declare(actor=by, data=data())
    assert refused.value.code == "GATE_ROLE_DENIED"
    found = declared(cast)
    with pytest.raises(ChangeError) as refused:
        freeze_lift(freeze_id=found.pk, actor=by, comment="Go.")
    assert refused.value.code == "GATE_ROLE_DENIED"
    actions = Event.objects.filter(object_type="change_freeze").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["change_freeze.declare_refused", "change_freeze.declared", "change_freeze.lift_refused"]
    assert ChangeFreeze.objects.in_force().count() == 1


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"name": " "}, "name", "a name that people know"),
        ({"name": "x" * 101}, "name", "at most 100"),
        ({"comment": ""}, "comment", "must say why"),
        ({"starts_at": "soon"}, "starts_at", "start of the freeze as date and time"),
        ({"ends_at": "2026-01-01T00:00"}, "ends_at", "must end after it starts"),
        ({"ends_at": "2099-01-01T00:00"}, "ends_at", "at most 92 days"),
        ({"site": "FRA"}, "site", "field"),
    ],
)
def test_bad_input_is_named_under_its_field(
    cast: factories.Cast, wrong: dict[str, str], field: str, words: str
) -> None:
    client = Client()
    client.force_login(cast.manager)
    answer = client.post("/api/v1/freezes/", {**data(), **wrong}, content_type="application/json")
    assert answer.status_code == 400
    assert words in answer.json()["fields"][field][0]
    assert not ChangeFreeze.objects.exists()


def test_page_and_api_declare_and_lift(cast: factories.Cast) -> None:
    manager, outsider = Client(), Client()
    manager.force_login(cast.manager)
    outsider.force_login(cast.outsider)
    assert "No freeze was declared yet" in outsider.get("/freezes/").content.decode()
    assert 'name="starts_at"' not in outsider.get("/freezes/").content.decode()
    day = f"{timezone.now():%Y-%m-%d}"
    later = f"{timezone.now() + timedelta(days=2):%Y-%m-%d}"
    form = {"name": "Year end", "starts_at": f"{day}T00:00", "ends_at": f"{day}T00:00", "comment": "Books."}
    wrong = manager.post("/freezes/declare/", form)
    assert wrong.status_code in {400, 422}
    assert "must end after it starts" in wrong.content.decode()
    assert 'value="Year end"' in wrong.content.decode(), "what was typed stays"
    assert manager.post("/freezes/declare/", {**form, "ends_at": f"{later}T00:00"}).status_code == 302
    [row] = ChangeFreeze.objects.all()
    html = outsider.get("/freezes/").content.decode()
    assert "in force" in html
    assert '<span class="rows__action">Lift' not in html
    assert '<span class="rows__action">Lift' in manager.get("/freezes/").content.decode()
    assert "You cannot lift it." in outsider.get(f"/freezes/{row.pk}/lift/").content.decode()
    assert outsider.post(f"/freezes/{row.pk}/lift/", {"comment": "Go."}).status_code == 403
    assert manager.post(f"/freezes/{row.pk}/lift/", {"comment": ""}).status_code in {400, 422}
    assert manager.post(f"/freezes/{row.pk}/lift/", {"comment": "Done."}).status_code == 302
    assert manager.post(f"/freezes/{row.pk}/lift/", {"comment": "Done."}).status_code == 409
    assert "manager lifted it" in manager.get(f"/freezes/{row.pk}/lift/").content.decode()
    made = manager.post("/api/v1/freezes/", data(), content_type="application/json").json()
    assert (made["declared_by"], made["lifted_at"]) == ("manager", None)
    listed = outsider.get("/api/v1/freezes/").json()["results"]
    assert [each["id"] for each in listed] == [made["id"], row.pk]
    lift = f"/api/v1/freezes/{made['id']}/lift/"
    assert outsider.post(lift, {"comment": "Go."}, content_type="application/json").status_code == 403
    assert manager.post(lift, {"comment": "Go."}, content_type="application/json").json()["lifted_by"] == "manager"
    assert manager.get("/api/v1/freezes/987654/").status_code == 404


def test_the_database_lets_nobody_declare_one_without_an_event(cast: factories.Cast) -> None:
    def unrecorded() -> None:
        now = timezone.now()
        ChangeFreeze.objects.create(
            name="X", reason="X", starts_at=now, ends_at=now + timedelta(hours=1), declared_by=cast.manager
        )
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="audit"), transaction.atomic():
        unrecorded()
