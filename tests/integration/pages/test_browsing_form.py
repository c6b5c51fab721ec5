"""Writing and editing a change on its form: what is stored, what is refused, and what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from django.test import Client

from audit.models import Event
from changes.models import ChangeRequest, PlanRevision
from changes.services.requests import change_edit
from devices.models import Device
from tests.factories import Cast, actor, draft, ready_plan, submitted
from tests.integration.pages.change_form import FORM, NEW, Sent, filled
from tests.integration.pages.conftest import HTMX, As, form_fields


def only_change() -> ChangeRequest:
    return ChangeRequest.objects.get()


# ---- writing


def test_saved_draft_holds_what_was_typed(author: Client, cast: Cast, devices: list[Device]) -> None:
    response = author.post(NEW, filled())
    change = only_change()
    assert (response.status_code, response["Location"]) == (302, f"/changes/{change.pk}/")
    assert (change.title, change.reason, change.state) == (
        "Set the NTP servers",
        "The old one is switched off.",
        "draft",
    )
    assert change.content == "{% for server in servers %}\nntp server {{ server }}\n{% endfor %}\n"
    assert change.variables == {"servers": ["192.0.2.1", "192.0.2.2"], "vlan": 110}
    assert change.targets == {"filter": {"site": ["FRA"], "role": ["access"]}}
    assert change.strategy["max_parallel"] == 5
    assert change.checks["pre"] == []
    [check] = change.checks["post"]
    assert (check["name"], check["timeout_s"]) == ("Configured", 20)
    assert (change.author, change.version, change.revision) == (cast.author, 1, None)
    event = Event.objects.get(object_type="change", object_id=str(change.pk), action="change.created")
    assert (event.actor_name, event.origin) == ("author", "web")


def test_save_and_build_asks_for_a_plan(author: Client, devices: list[Device]) -> None:
    response = author.post(NEW, filled(action="plan"))
    change = only_change()
    assert response["Location"] == f"/changes/{change.pk}/"
    assert change.revision is not None
    assert (change.revision.state, change.revision.device_count) == ("building", 2)


def test_devices_are_chosen_by_tenant_and_criticality(author: Client, devices: list[Device]) -> None:
    Device.objects.filter(pk=devices[1].pk).update(tenant="retail", criticality="vital")
    offered = form_fields(author.get(f"{NEW}?tenant=retail&criticality=vital").content.decode(), FORM)
    assert (offered["tenant"], offered["criticality"]) == (["retail"], ["vital"])
    author.post(NEW, filled(action="plan", site=[], role=[], tenant="retail", criticality=["high", "vital"]))
    change = only_change()
    assert change.targets == {"filter": {"tenant": ["retail"], "criticality": ["high", "vital"]}}
    assert change.revision is not None
    assert [plan.device for plan in change.revision.device_plans.all()] == [devices[1]]


def test_picked_devices_are_targets_by_id(author: Client, devices: list[Device]) -> None:
    author.post(NEW, filled(by="devices", device_ids=[str(devices[1].pk), str(devices[3].pk)]))
    assert only_change().targets == {"device_ids": [devices[1].pk, devices[3].pk]}


def test_an_address_can_name_the_devices(author: Client, devices: list[Device]) -> None:
    html = author.get(f"{NEW}?by=devices&device_ids={devices[0].pk}").content.decode()
    fields = form_fields(html, FORM)
    assert (fields["by"], fields["device_ids"]) == (["devices"], [str(devices[0].pk)])


def test_an_address_with_an_unknown_parameter_is_refused(author: Client, devices: list[Device]) -> None:
    response = author.get(f"{NEW}?target=1")
    assert response.status_code == 400
    assert "There is no filter &quot;target&quot;" in response.content.decode()


@pytest.mark.parametrize("who", ["peer", "auditor", "outsider", "superuser"])
def test_others_learn_why_they_cannot_write(cast: Cast, as_: As, devices: list[Device], who: str) -> None:
    client = as_(getattr(cast, who))
    for response in (client.get(NEW), client.post(NEW, filled())):
        assert response.status_code == 403
        html = response.content.decode()
        assert "To write a change you need the role Requester" in html or "auditors only read" in html
    assert not ChangeRequest.objects.exists()


def test_without_signing_in_there_is_no_form(db: None) -> None:
    assert Client().get(NEW)["Location"] == "/sign-in/?next=/changes/new/"
    assert Client().post(NEW, filled()).status_code == 302
    assert Client().post("/changes/targets/", headers=HTMX).status_code == 401


def test_form_needs_its_token(cast: Cast, devices: list[Device]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.author)
    assert client.post(NEW, filled()).status_code == 403
    assert not ChangeRequest.objects.exists()


# ---- bad input


def refused(author: Client, **fields: object) -> str:
    """The page that comes back; everything typed must still be in it, and nothing may be stored."""
    sent = filled(**fields)
    changed = Event.objects.filter(action__startswith="change.")
    before = changed.count()
    response = author.post(NEW, sent)
    assert response.status_code == 422
    html = response.content.decode()
    kept = form_fields(html, FORM)
    for name, value in sent.items():
        if name != "action":
            assert kept.get(name, []) == (value if isinstance(value, list) else [value]), name
    assert not ChangeRequest.objects.exists()
    assert changed.count() == before
    return html


@pytest.mark.parametrize(
    ("fields", "anchor", "sentence"),
    [
        ({"title": " "}, "id_title", "Give a title"),
        ({"title": "x" * 201}, "id_title", "201 characters; 200 are allowed"),
        ({"title": "a\u202eb"}, "id_title", "U+202E"),
        ({"reason": ""}, "id_reason", "Give a reason"),
        ({"content": "  "}, "id_content", "The content is empty"),
        ({"content": "x\x1b[2J"}, "id_content", "an escape"),
        ({"content": "x" * 300_000}, "id_content", "262,144 are allowed"),
        ({"variables": "a: 1\r\na: 2"}, "id_variables", "Line 2: “a” is given twice"),
        (
            {"variables": "vlan: 110\r\nclass: x"},
            "id_variables",
            "Line 2, class: &quot;class&quot; means something else",
        ),
        ({"variables": "big: 99999999999999999"}, "id_variables", "too large"),
        ({"site": [], "role": []}, "targets", "An empty filter would match every device"),
        ({"by": "devices", "site": [], "role": []}, "targets", "No device is named"),
        ({"max_parallel": "0"}, "id_max_parallel", "from 1 to 100"),
        ({"max_parallel": "many"}, "id_max_parallel", "from 1 to 100"),
        ({"post-0-command": "reload"}, "id_post-0-command", "A check may only read"),
        ({"post-0-value": ""}, "id_post-0-value", "needs a &quot;value&quot;"),
        ({"post-0-timeout_s": "0"}, "id_post-0-timeout_s", "from 1 to 300"),
        ({"post-0-expect": "regex", "post-0-value": "("}, "id_post-0-value", "RE2 does not know this pattern"),
    ],
)
def test_bad_input_is_answered_with_a_sentence_at_its_field(
    author: Client, devices: list[Device], fields: Sent, anchor: str, sentence: str
) -> None:
    html = refused(author, **fields)
    assert f'<a href="#{anchor}">' in html
    assert f'id="{anchor}"' in html
    assert html.count(sentence) >= 2, "in the summary and at the field"


def test_everything_that_is_wrong_is_said_at_once_in_the_order_of_the_page(
    author: Client, devices: list[Device]
) -> None:
    html = refused(author, title="", content="", variables="a: True", max_parallel="x", site=[], role=[])
    summary = html[html.index('id="problems"') : html.index("</ul>", html.index('id="problems"'))]
    anchors = ["id_title", "targets", "id_content", "id_variables", "id_max_parallel"]
    assert [summary.index(f'"#{anchor}"') for anchor in anchors] == sorted(
        summary.index(f'"#{anchor}"') for anchor in anchors
    )
    assert "5 things to correct" in summary


def test_two_checks_of_one_name_are_refused(author: Client, devices: list[Device]) -> None:
    second = {
        f"post-1-{name}": filled()[f"post-0-{name}"] for name in ("name", "command", "expect", "value", "timeout_s")
    }
    html = refused(author, **{"post-count": "2", **second})
    assert "Two checks are named &quot;Configured&quot;" in html


def test_error_of_a_later_check_stands_at_its_own_row(author: Client, devices: list[Device]) -> None:
    blank = {f"post-0-{name}": "" for name in ("name", "command", "value")}
    second = {f"post-1-{name}": filled()[f"post-0-{name}"] for name in ("name", "expect", "value", "timeout_s")}
    html = refused(author, **{"post-count": "2", **blank, **second, "post-1-command": "configure terminal"})
    assert '<a href="#id_post-1-command">Post-checks, row 2, command</a>' in html


def test_text_in_the_form_is_escaped(author: Client, devices: list[Device]) -> None:
    evil = "</textarea><script>alert(1)</script>"
    html = refused(author, title="", content=evil, **{"post-0-name": '"><script>alert(2)</script>'})
    assert "<script>alert" not in html


def test_unknown_button_is_refused(author: Client, devices: list[Device]) -> None:
    response = author.post(NEW, filled(action="explode"))
    assert response.status_code == 400
    assert not ChangeRequest.objects.exists()


def test_too_large_a_body_is_refused_with_a_sentence(author: Client, devices: list[Device]) -> None:
    response = author.post(NEW, filled(content="x" * 5 * 1024 * 1024))
    assert response.status_code == 413
    assert "at most 2 MiB" in response.content.decode()
    assert not ChangeRequest.objects.exists()


# ---- a plan that cannot be built


def test_template_error_is_shown_with_its_line_and_the_draft_is_kept(author: Client, devices: list[Device]) -> None:
    content = "ntp server 192.0.2.1\nntp server {{ servr }}\n"
    response = author.post(NEW, filled(action="plan", content=content, variables="server: x"))
    change = only_change()
    assert response["Location"] == f"/changes/{change.pk}/edit/?check=plan"
    assert change.content == content
    assert not PlanRevision.objects.exists()
    html = author.get(response["Location"]).content.decode()
    assert "is saved as a draft, but no plan can be built from it yet." in html
    assert "Line 2: there is no variable &quot;servr&quot;" in html
    assert "Did you mean &quot;server&quot;?" in html
    assert "<mark>ntp server {{ servr }}</mark>" in html


def test_targets_that_match_nothing_keep_the_draft(author: Client, devices: list[Device]) -> None:
    response = author.post(NEW, filled(action="plan", site=["HAM"]), follow=True)
    html = response.content.decode()
    assert "No device matches these targets." in html
    assert only_change().revision is None
    assert form_fields(html, FORM)["site"] == ["HAM"]


# ---- editing


def test_form_of_a_draft_sends_back_exactly_what_is_stored(author: Client, cast: Cast, devices: list[Device]) -> None:
    stored = {
        "content": "\n{{ a }}\n  indented </textarea>\n\n",
        "variables": {"a": "no", "b": 10, "c": True, "d": ["x y", "10", 10, "true"], "e": "", "f": "a: b # c"},
        "targets": {"filter": {"name": ["fra-*"], "status": ["active"], "source": ["lab"], "site": ["gone"]}},
        "checks": {"pre": [_check("one")], "post": [_check("two"), _check("three")]},
        "strategy": {"max_parallel": 3},
    }
    change = draft(cast.author, **stored)
    before = _columns(change)
    fields: Mapping[str, object] = form_fields(author.get(f"/changes/{change.pk}/edit/").content.decode(), FORM)
    response = author.post(f"/changes/{change.pk}/edit/", {**fields, "action": "save"})
    assert response.status_code == 302
    change.refresh_from_db()
    assert _columns(change) == before
    assert change.version == 1, "nothing was changed, so nothing counts as an edit"


def _check(name: str) -> dict[str, object]:
    return {"name": name, "command": "show clock", "expect": "not_regex", "value": " ^x|y$ ", "timeout_s": 7}


def _columns(change: ChangeRequest) -> dict[str, object]:
    names = ("title", "reason", "content", "variables", "targets", "checks", "strategy")
    return {name: getattr(change, name) for name in names}


def test_edit_counts_and_makes_the_plan_void(author: Client, cast: Cast, devices: list[Device]) -> None:
    change = draft(cast.author)
    ready_plan(change, devices[:2])
    fields = form_fields(author.get(f"/changes/{change.pk}/edit/").content.decode(), FORM)
    author.post(f"/changes/{change.pk}/edit/", {**fields, "content": "ntp server 192.0.2.7\n", "action": "save"})
    change.refresh_from_db()
    assert (change.content, change.version, change.revision) == ("ntp server 192.0.2.7\n", 2, None)


@pytest.mark.parametrize("version", ["1", "", "0", "x"])
def test_old_form_overwrites_nothing_and_keeps_its_text(
    author: Client, cast: Cast, devices: list[Device], version: str
) -> None:
    change = draft(cast.author)
    fields = form_fields(author.get(f"/changes/{change.pk}/edit/").content.decode(), FORM)
    change_edit(change_id=change.pk, data={"title": "Written meanwhile"}, editor=actor(cast.colleague))
    mine = {**fields, "content": "my own lines\n", "version": version, "action": "save"}
    response = author.post(f"/changes/{change.pk}/edit/", mine)
    assert response.status_code == 409
    html = response.content.decode()
    assert "colleague edited" in html
    assert form_fields(html, FORM)["content"] == ["my own lines\r\n"]
    change.refresh_from_db()
    assert change.title == "Written meanwhile"
    assert "my own lines" not in change.content


def test_submitted_change_cannot_be_edited(author: Client, cast: Cast, devices: list[Device]) -> None:
    change = submitted(cast.author, devices[:2])
    response = author.get(f"/changes/{change.pk}/edit/")
    assert response.status_code == 409
    assert "is not possible while the state is" in response.content.decode()
    sent = author.post(f"/changes/{change.pk}/edit/", filled(version="1", content="mine"))
    assert sent.status_code == 409
    assert form_fields(sent.content.decode(), FORM)["content"] == ["mine"]
    change.refresh_from_db()
    assert change.content != "mine"


def test_others_cannot_edit_and_learn_why(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = draft(cast.author)
    for response in (
        as_(cast.approver).get(f"/changes/{change.pk}/edit/"),
        as_(cast.approver).post(f"/changes/{change.pk}/edit/", filled()),
    ):
        assert response.status_code == 403
        assert "To edit a change you need the role Requester" in response.content.decode()


def test_change_that_is_not_there_has_no_form(author: Client, devices: list[Device]) -> None:
    assert author.get("/changes/999999/edit/").status_code == 404
    assert author.post("/changes/999999/edit/", filled()).status_code == 404


def test_the_whole_strategy_is_stored_and_shown_again(author: Client, devices: list[Device]) -> None:
    strategy = {
        "max_parallel_per_site": "2", "canary": "1", "batch_percent": "20", "batch_cap": "5", "failures_allowed": "1",
        "failures_allowed_percent": "0", "on_budget_spent": "abort", "soak_s": "600", "cooldown_s": "60",
        "gate": "after_canary", "gate_role": "cab", "gate_timeout_s": "1800", "on_window_close": "back_out",
    }  # fmt: skip
    author.post(NEW, filled(**strategy))
    change = ChangeRequest.objects.get()
    assert {name: str(value) for name, value in change.strategy.items()} == {
        **strategy, "max_parallel": "5", "on_failure": "backout", "promote_when": "verified",
    }  # fmt: skip
    html = author.get(f"/changes/{change.pk}/edit/").content.decode()
    assert 'value="after_canary" selected' in html
    assert '<details class="disclosure" open><summary>From one wave to the next' in html
    summary = author.get(f"/changes/{change.pk}/").content.decode()
    for sentence in (
        "a canary of 1 device, then 20 % of the devices at a time, at most 5 devices",
        "up to 5 devices, 2 in one site",
        "with the role CAB lets it go on after the first wave; without an answer in 30 minutes the run is aborted",
        "with more than 1 device failed the run is aborted",
    ):
        assert sentence in summary


def test_the_usual_strategy_is_one_wave_and_folded(author: Client, devices: list[Device]) -> None:
    author.post(NEW, filled())
    change = ChangeRequest.objects.get()
    assert '<details class="disclosure"><summary>From one wave' in author.get(NEW).content.decode()
    assert "all devices in one" in author.get(f"/changes/{change.pk}/").content.decode()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [("canary", "4", "from 0 to 3"), ("soak_s", "-1", "from 0 to 604,800")],
)
def test_a_wrong_strategy_is_answered_at_its_field(
    author: Client, devices: list[Device], name: str, value: str, sentence: str
) -> None:
    html = refused(author, **{name: value})
    assert f'<a href="#id_{name}">' in html
    assert html.count(sentence) >= 2
    assert f'value="{value}"' in html
