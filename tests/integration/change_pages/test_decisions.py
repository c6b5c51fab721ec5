"""What people do to a change from its pages: what is written, what is refused, and what the page then says."""

import html as markup
import re
from typing import Any

import pytest
from django.test import Client

from audit.models import Event
from changes.models import Approval, ChangeRequest, DevicePlan, Run
from changes.services.approvals import change_request_changes, plan_open
from changes.services.requests import change_submit
from devices.models import Device
from tests.factories import Cast, actor, approved, assessed, carried_out, draft, ready_plan, started, submitted
from tests.integration.change_pages.conftest import As, reworked, sealed


def text_of(answer: Any) -> str:  # noqa: ANN401 - the test client's response
    """The page without its markup, white space as one blank."""
    return re.sub(r"\s+", " ", markup.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def alert_of(answer: Any) -> str:  # noqa: ANN401 - the test client's response
    found = re.search(r'<div class="alert refusal"[^>]*role="alert".*?</div></div>', answer.content.decode(), re.DOTALL)
    assert found, "no alert"
    return re.sub(r"\s+", " ", markup.unescape(re.sub(r"<[^>]+>", " ", found[0])))


def opened(client: Client, change: ChangeRequest) -> str:
    """Read the plan as a reviewer does, and take the digest from the form."""
    page = client.get(f"/changes/{change.pk}/plan/").content.decode()
    found = re.search(r'name="plan_digest" value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


def state(change: ChangeRequest) -> str:
    return ChangeRequest.objects.values_list("state", flat=True).get(pk=change.pk)


# ---- the straight way


def test_whole_way_from_draft_to_closed(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    ready_plan(change, devices)
    path = f"/changes/{change.pk}/"
    answer = as_(cast.author).post(f"{path}submit/", follow=True)
    assert "The change is submitted." in text_of(answer)
    for person, verb, said in (
        (cast.peer, "assess", "You approved revision 1 as peer. The change authority decides next."),
        (cast.approver, "approve", "You approved revision 1. An implementer can start it now."),
    ):
        client = as_(person)
        digest = opened(client, change)
        answer = client.post(f"{path}{verb}/", {"plan_digest": digest, "comment": "Read."}, follow=True)
        assert answer.redirect_chain == [(path, 302)]
        assert said in text_of(answer)
    client = as_(cast.author)
    assert "Start on 3 devices?" in text_of(client.get(f"{path}start/"))
    answer = client.post(f"{path}start/")
    run = Run.objects.get()
    assert answer["Location"] == f"{path}runs/{run.pk}/"
    carried_out(run)
    answer = as_(cast.manager).post(f"{path}close/", {"close_code": "successful", "comment": ""}, follow=True)
    assert state(change) == "closed"
    assert "The change is closed." in text_of(answer)
    comments = Approval.objects.order_by("pk").values_list("approver__username", "comment", "stage")
    assert list(comments) == [("peer", "Read.", "peer"), ("approver", "Read.", "cab")]


def test_plan_is_asked_for_and_its_progress_shown(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    answer = as_(cast.author).post(f"/changes/{change.pk}/plan/build/", follow=True)
    assert answer.redirect_chain == [(f"/changes/{change.pk}/plan/", 302)]
    assert "0 of 3 devices" in text_of(answer)


def test_withdrawn_change_is_a_draft_and_approvals_are_struck(cast: Cast, devices: list[Device], as_: As) -> None:
    change = assessed(cast, devices)
    as_(cast.author).post(f"/changes/{change.pk}/withdraw/")
    assert state(change) == "draft"
    page = as_(cast.author).get(f"/changes/{change.pk}/approvals/").content.decode()
    assert "data-void" in page
    assert "Decisions that no longer count" in page


def test_cancel_asks_for_a_reason_first(cast: Cast, devices: list[Device], as_: As) -> None:
    change = approved(cast, devices)
    client = as_(cast.author)
    assert "Cancel this change?" in text_of(client.get(f"/changes/{change.pk}/cancel/"))
    refused = client.post(f"/changes/{change.pk}/cancel/", {"comment": "  "})
    assert refused.status_code == 400
    assert "To cancel a change you must say why" in alert_of(refused)
    assert state(change) == "approved"
    client.post(f"/changes/{change.pk}/cancel/", {"comment": "Not needed."})
    assert state(change) == "canceled"
    assert "s-canceled" in client.get(f"/changes/{change.pk}/").content.decode()


# ---- refusals


def test_plan_that_was_not_opened_cannot_be_approved(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    assert change.revision
    answer = as_(cast.peer).post(f"/changes/{change.pk}/assess/", {"plan_digest": change.revision.digest})
    assert answer.status_code == 403
    assert "PLAN_NOT_OPENED" in alert_of(answer)
    assert state(change) == "assessment"


@pytest.mark.parametrize("who", ["author", "superuser", "outsider", "auditor", "approver"])
def test_refused_approval_says_why_keeps_the_comment_and_is_in_the_log(
    cast: Cast, devices: list[Device], as_: As, who: str
) -> None:
    change = submitted(cast.author, devices)
    person = getattr(cast, who)
    client = as_(person)
    client.get(f"/changes/{change.pk}/plan/")
    assert change.revision
    answer = client.post(
        f"/changes/{change.pk}/assess/", {"plan_digest": change.revision.digest, "comment": "Looks <fine>."}
    )
    assert answer.status_code == 403
    alert = alert_of(answer)
    assert "A rule does not let you do this." in alert
    assert "GATE_" in alert
    assert state(change) == "assessment"
    assert not Approval.objects.exists()
    event = Event.objects.filter(change_id=change.pk).latest("id")
    assert (event.action, event.actor_name) == ("change.assess_refused", person.username)


def test_typed_comment_is_kept_after_a_refusal(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    client = as_(cast.peer)
    opened(client, change)
    answer = client.post(f"/changes/{change.pk}/assess/", {"plan_digest": "0" * 64, "comment": "Two\nlines <b>."})
    assert answer.status_code == 409
    assert "Two\nlines &lt;b&gt;." in answer.content.decode()


@pytest.mark.parametrize("verb", ["reject", "request-changes"])
def test_rejection_without_a_reason_is_refused_at_the_field(
    cast: Cast, devices: list[Device], as_: As, verb: str
) -> None:
    change = submitted(cast.author, devices)
    client = as_(cast.peer)
    digest = opened(client, change)
    answer = client.post(f"/changes/{change.pk}/{verb}/", {"plan_digest": digest, "comment": ""})
    assert answer.status_code == 400
    assert "you must say why" in alert_of(answer)
    assert 'aria-invalid="true"' in answer.content.decode()
    assert state(change) == "assessment"
    client.post(f"/changes/{change.pk}/{verb}/", {"plan_digest": digest, "comment": "Wrong server."})
    assert state(change) == {"reject": "rejected", "request-changes": "draft"}[verb]


def test_stale_digest_is_refused_and_the_page_says_what_changed(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    client = as_(cast.peer)
    digest = opened(client, change)
    plan_open(revision=change.revision, actor=actor(cast.approver))  # type: ignore[arg-type]
    change_request_changes(change_id=change.pk, approver=actor(cast.approver), comment="One server more.")
    change.refresh_from_db()
    again = ready_plan(change, devices[:2])
    reworked(again.device_plans.select_related("device").get(position=1), commands=("ntp server 192.0.2.99",))
    sealed(again)
    change_submit(change_id=change.pk, requester=actor(cast.author))
    answer = client.post(f"/changes/{change.pk}/assess/", {"plan_digest": digest, "comment": "Fine."})
    assert answer.status_code == 409
    alert = alert_of(answer)
    assert "The plan was rebuilt: revision 2 replaced revision 1" in alert
    assert "Another plan than before: fra-acc-02." in alert
    assert "No longer in the plan: fra-acc-03." in alert
    assert "Unchanged: 1 of 2 devices" in alert
    assert f'href="/changes/{change.pk}/plan/"' in answer.content.decode()
    assert "GATE_DIGEST_MISMATCH" in alert
    assert not Approval.objects.filter(decision="approved").exists()


def test_digest_of_no_revision_is_refused_without_a_guess(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    client = as_(cast.peer)
    opened(client, change)
    for digest in ("", "0" * 64, "<script>", "x" * 5000):
        answer = client.post(f"/changes/{change.pk}/assess/", {"plan_digest": digest})
        assert answer.status_code == 409
        assert "<script>" not in alert_of(answer)
        assert "Revision 1 stands now." in alert_of(answer) or digest == ""
    assert state(change) == "assessment"


def test_plan_edited_behind_the_application_cannot_be_approved(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    client = as_(cast.peer)
    digest = opened(client, change)
    plan = DevicePlan.objects.get(position=0)
    DevicePlan.objects.filter(pk=plan.pk).update(payload=plan.payload.replace("192.0.2.123", "192.0.2.66"))
    answer = client.post(f"/changes/{change.pk}/assess/", {"plan_digest": digest})
    assert answer.status_code == 409
    assert "PLAN_HASH_MISMATCH" in alert_of(answer)
    assert "Find out who changed the rows" in alert_of(answer)
    assert state(change) == "assessment"


def test_step_that_the_state_does_not_know_is_refused_with_what_is_possible(
    cast: Cast, devices: list[Device], as_: As
) -> None:
    change = approved(cast, devices)
    answer = as_(cast.peer).post(f"/changes/{change.pk}/assess/", {"plan_digest": change.revision.digest})  # type: ignore[union-attr]
    assert answer.status_code == 409
    assert '"assess" is not possible while the state is "approved"' in alert_of(answer)


def test_second_decision_of_one_person_is_refused(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    client = as_(cast.peer)
    digest = opened(client, change)
    client.post(f"/changes/{change.pk}/assess/", {"plan_digest": digest})
    answer = client.post(f"/changes/{change.pk}/assess/", {"plan_digest": digest})
    assert answer.status_code == 409
    assert Approval.objects.count() == 1


def test_change_on_hold_is_not_decided(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    client = as_(cast.peer)
    digest = opened(client, change)
    ChangeRequest.objects.filter(pk=change.pk).update(on_hold=True)
    answer = client.post(f"/changes/{change.pk}/assess/", {"plan_digest": digest})
    assert answer.status_code == 409
    assert "on hold" in alert_of(answer)
    page = text_of(client.get(f"/changes/{change.pk}/"))
    assert "The change is on hold" in page


def test_draft_without_a_plan_cannot_be_submitted(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author)
    answer = as_(cast.author).post(f"/changes/{change.pk}/submit/")
    assert answer.status_code == 409
    assert "Build the plan first." in alert_of(answer)
    assert "Plan the change; when every device's plan is ready, go on." in alert_of(answer)


def test_plan_without_any_device_is_refused_with_the_reason(cast: Cast, as_: As) -> None:
    change = draft(cast.author)
    answer = as_(cast.author).post(f"/changes/{change.pk}/plan/build/")
    assert answer.status_code == 400
    assert "No device matches these targets." in alert_of(answer)


def test_content_that_no_device_can_render_is_refused_with_the_line(cast: Cast, devices: list[Device], as_: As) -> None:
    change = draft(cast.author, content="hostname x\nntp server {{ servr }}\n")
    answer = as_(cast.author).post(f"/changes/{change.pk}/plan/build/")
    assert answer.status_code == 422
    assert "Line 2" in alert_of(answer)
    assert "servr" in alert_of(answer)
    assert not change.revisions.exists()


def test_start_by_somebody_without_the_role_is_refused(cast: Cast, devices: list[Device], as_: As) -> None:
    change = approved(cast, devices)
    client = as_(cast.peer)
    page = client.get(f"/changes/{change.pk}/start/")
    assert "This is not open to you." in text_of(page)
    assert "Start now" not in text_of(page)
    answer = client.post(f"/changes/{change.pk}/start/")
    assert answer.status_code == 403
    assert not Run.objects.exists()


def test_start_page_says_what_will_happen(cast: Cast, devices: list[Device], as_: As) -> None:
    change = approved(cast, devices)
    page = text_of(as_(cast.author).get(f"/changes/{change.pk}/start/"))
    assert change.revision
    for said in (
        "3 devices in FRA", change.revision.digest[:12], "peer (Peer), approver (CAB)", "up to 10 devices",
        "is taken back to where it was and verified", "fra-acc-03",
    ):  # fmt: skip
        assert said in page, said


def test_close_suggests_the_code_and_wants_a_note_where_not_all_succeeded(
    cast: Cast, devices: list[Device], as_: As
) -> None:
    run = carried_out(started(cast, devices), rejected=devices[:1])
    client = as_(cast.manager)
    page = client.get(f"/changes/{run.change_id}/close/").content.decode()
    assert '<option value="successful_with_issues" selected>' in page
    assert '<option value="successful">' not in page
    answer = client.post(f"/changes/{run.change_id}/close/", {"close_code": "successful_with_issues", "comment": ""})
    assert answer.status_code == 400
    assert "you must say why" in alert_of(answer)
    answer = client.post(f"/changes/{run.change_id}/close/", {"close_code": "successful", "comment": "All well."})
    assert answer.status_code == 400
    assert "The run ended as partial" in alert_of(answer)
    assert "All well." in answer.content.decode()
    client.post(f"/changes/{run.change_id}/close/", {"close_code": "successful_with_issues", "comment": "One is left."})
    page = text_of(client.get(f"/changes/{run.change_id}/"))
    assert "Successful with issues" in page
    assert "One is left." in page


def test_implementer_cannot_close(cast: Cast, devices: list[Device], as_: As) -> None:
    run = carried_out(started(cast, devices))
    answer = as_(cast.author).post(f"/changes/{run.change_id}/close/", {"close_code": "successful"})
    assert answer.status_code == 403
    assert state(run.change) == "review"
