"""Journal entries at the end of a change: queued with the run's end, sent later, tried again, given up visibly."""

from __future__ import annotations

import pytest
from django.db.models.functions import Now

from audit.models import Event
from changes.services.inventory_notes import notes_queue
from devices.models import Device, JournalNote
from devices.services.inventory_journal import ATTEMPTS, Entry, journal_queue, journal_retry, journal_send_due
from devices.services.inventory_netbox import netbox_client
from tests.factories import Cast, DeviceFactory, carried_out, started
from tests.integration.inventory.netbox_stub import NetBoxStub
from tests.integration.inventory.test_netbox_sync import ACTOR, device, sync


def queue(netbox: NetBoxStub) -> JournalNote:
    netbox.add(7)
    sync()
    text = "**CHG-00001, run 1**: succeeded."
    journal_queue([Entry(device(7).pk, "CHG-00001, run 1", "success", text)])
    return JournalNote.objects.get()


def due_again() -> None:
    JournalNote.objects.update(next_try_at=Now())


def test_an_entry_is_written_once(netbox: NetBoxStub) -> None:
    note = queue(netbox)
    assert journal_queue([Entry(note.device_id, note.reference, "success", note.text)]) == 1
    assert (journal_send_due(), journal_send_due()) == (1, 0)
    [entry] = netbox.journal
    assert (entry["assigned_object_type"], entry["assigned_object_id"]) == ("dcim.device", 7)
    assert (entry["kind"], entry["comments"]) == ("success", note.text)
    note.refresh_from_db()
    assert (note.state, note.attempts) == ("sent", 1)


def test_an_entry_whose_answer_was_lost_is_not_written_twice(netbox: NetBoxStub) -> None:
    note = queue(netbox)
    netbox.lose_next_journal_answer = True
    assert journal_send_due() == 0
    note.refresh_from_db()
    assert (note.state, bool(note.error)) == ("pending", True)
    due_again()
    assert journal_send_due() == 1
    assert len(netbox.journal) == 1


def test_a_failure_is_tried_again_after_growing_pauses_and_given_up_visibly(netbox: NetBoxStub) -> None:
    note = queue(netbox)
    netbox.refusal = "Token expired"
    pauses = []
    for _ in range(ATTEMPTS):
        due_again()
        assert journal_send_due() == 0
        before, note = note, JournalNote.objects.get()
        pauses.append((note.next_try_at - Event.objects.latest("id").at).total_seconds())
        del before
    assert pauses[0] < pauses[1] < pauses[2] < pauses[5]
    assert (note.state, note.attempts) == ("given_up", ATTEMPTS)
    assert "expired" in note.error
    assert Event.objects.filter(action="inventory.journal_given_up", device_id=note.device_id).exists()
    netbox.refusal = ""
    assert journal_retry(actor=ACTOR) == 1
    assert journal_send_due() == 1


def test_a_netbox_that_fails_is_not_asked_for_every_entry(netbox: NetBoxStub) -> None:
    for number in range(1, 4):
        netbox.add(number)
    sync()
    journal_queue([Entry(pk, "CHG-1", "info", "x") for pk in Device.objects.values_list("pk", flat=True)])
    netbox.refusal = "Token expired"
    netbox.asked.clear()
    journal_send_due()
    assert sorted(JournalNote.objects.values_list("attempts", flat=True)) == [0, 0, 1]


def test_an_entry_that_netbox_refuses_holds_no_other_up(netbox: NetBoxStub) -> None:
    for number in (1, 2):
        netbox.add(number)
    sync()
    journal_queue([Entry(device(number).pk, "CHG-1", "info", "x") for number in (1, 2)])
    del netbox.devices[1]
    assert journal_send_due() == 1
    assert dict(JournalNote.objects.values_list("source_key", "state")) == {"1": "pending", "2": "sent"}


def test_an_answer_that_wrote_nothing_is_no_success(netbox: NetBoxStub) -> None:
    note = queue(netbox)
    netbox.redirect_posts = True
    assert journal_send_due() == 0
    note.refresh_from_db()
    assert (note.state, netbox.journal) == ("pending", [])
    assert "Check NETBOX_URL" in note.error


def test_the_entry_of_a_later_run_is_not_taken_for_that_of_an_earlier_one(netbox: NetBoxStub) -> None:
    netbox.add(7)
    sync()
    netbox.journal.append({"id": 1, "assigned_object_id": 7, "comments": "**CHG-00001, run 12**: succeeded."})
    with netbox_client() as client:
        assert client.journal_has(device=7, reference="CHG-00001, run 12")
        assert not client.journal_has(device=7, reference="CHG-00001, run 1")


def test_devices_of_other_sources_get_no_entry(netbox: NetBoxStub) -> None:
    other = DeviceFactory.create()
    assert journal_queue([Entry(other.pk, "CHG-1", "info", "x")]) == 0


@pytest.mark.django_db
def test_the_end_of_a_run_names_the_person_the_change_and_the_outcome() -> None:
    run = carried_out(started(Cast.create(), [DeviceFactory.create(source="netbox", source_key="41")]))
    change = run.change
    note = JournalNote.objects.get(source_key="41")
    assert note.kind == "success"
    assert f"**{change.number}, run {run.pk}**: succeeded" in note.text
    assert f"Started by `{run.started_by.get_username()}`" in note.text
    assert f"/changes/{change.pk}/" in note.text
    assert notes_queue(run, change) == 1
    assert JournalNote.objects.count() == 1
