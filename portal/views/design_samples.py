"""Sample data for the living style guide. Nothing here is read by a page of the product."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from changes.domain.run_states import DeviceRunState, RunOutcome, RunState
from changes.domain.states import ChangeState, ChangeType, CloseCode, DevicePlanState, PlanState
from devices.domain.reasons import reason
from portal.views.design_diff import hunks

DIGEST = "9f2c41d7be05a83c6e1f7720d9b4c85a3e60f1982b7cd4450a6e8f13c72d95be"


@dataclass(slots=True)
class SampleStep:
    """A recorded step of a device run."""

    name: str
    outcome: str


class SampleForm(forms.Form):
    """One field of each kind, with an error."""

    title = forms.CharField(max_length=200, help_text="What the change does, in a line that an approver understands.")
    reason = forms.CharField(widget=forms.Textarea, help_text="Why it is needed. Name the incident or the ticket.")
    kind = forms.ChoiceField(label="Type", choices=ChangeType.choices())
    content = forms.CharField(widget=forms.Textarea)
    site = forms.CharField(required=False)
    urgent = forms.BooleanField(required=False, label="I have read every device's commands")
    comment = forms.CharField(widget=forms.Textarea, required=False, label="Comment")


class SampleFilter(forms.Form):
    """A filter bar."""

    hide_required = True
    q = forms.CharField(label="Search", required=False)
    state = forms.ChoiceField(choices=[("", "Any"), *ChangeState.choices()], required=False)
    site = forms.ChoiceField(choices=[("", "Any"), ("fra", "FRA"), ("muc", "MUC")], required=False)


def samples() -> dict[str, Any]:
    """The context of ``design/index.html``."""
    return {
        **_states(),
        **_forms(),
        **_change(),
        **_review(),
        **_run(),
        "digest": DIGEST,
        "now": timezone.now(),
        "soon": timezone.now() + timedelta(hours=5),
        "earlier": timezone.now() - timedelta(minutes=42),
    }


def _states() -> dict[str, Any]:
    return {
        "state_groups": [
            ("Change", list(ChangeState)),
            ("Close code", list(CloseCode)),
            ("Plan", list(PlanState)),
            ("Device plan", list(DevicePlanState)),
            ("Run", list(RunState)),
            ("Device run", list(DeviceRunState)),
            ("Outcome", list(RunOutcome)),
        ],
        "rails": [
            {"state": "authorization", "type": "normal", "left": "", "code": ""},
            {"state": "paused", "type": "normal", "left": "", "code": ""},
            {"state": "stale", "type": "standard", "left": "", "code": ""},
            {"state": "rejected", "type": "normal", "left": "assessment", "code": ""},
            {"state": "closed", "type": "emergency", "left": "", "code": "successful_with_issues"},
        ],
    }


def _forms() -> dict[str, Any]:
    form = SampleForm(
        {
            "title": "",
            "reason": "INC-20817: clocks drift by minutes.",
            "kind": "normal",
            "content": "ntp server {{ ntp_primary }}\nntp server {{ ntp_secondry }}",
        }
    )
    form.add_error("content", "Line 2: ntp_secondry is not a variable of this change. Did you mean ntp_secondary?")
    return {"form": form, "filters": SampleFilter()}


def _change() -> dict[str, Any]:
    now = timezone.now()
    return {
        "crumbs": [{"label": "Changes", "url": "#"}, {"label": "CHG-00042", "url": ""}],
        "tabs": [
            {"label": "Overview", "url": "#", "current": False, "count": None},
            {"label": "Plan", "url": "#", "current": True, "count": 12},
            {"label": "Approvals", "url": "#", "current": False, "count": 1},
            {"label": "Execution", "url": "#", "current": False, "count": None},
            {"label": "Timeline", "url": "#", "current": False, "count": None},
        ],
        "blockers": {
            "title": "One approval is missing",
            "text": "Then an implementer can start the change.",
            "tone": "wait",
            "icon": "s-authorization",
            "people": [
                {"status": "passed", "label": "Peer assessment", "detail": "pete, 42 min ago"},
                {
                    "status": "waiting",
                    "label": "CAB: 1 approval of 1 to come",
                    "detail": "ana or amir",
                    "url": "#",
                },
                {
                    "status": "blocked",
                    "label": "You cannot approve",
                    "detail": "You wrote this change (GATE_SELF_APPROVAL).",
                },
            ],
            "machine": [
                {"status": "passed", "label": "Every device has a plan", "detail": "12 of 12 ready"},
                {"status": "passed", "label": "No forbidden command", "detail": "36 lines checked"},
                {
                    "status": "failed",
                    "label": "One device has drifted",
                    "detail": "fra-acc-07: PLAN_STALE",
                    "url": "#",
                    "action": "Plan again",
                },
            ],
        },
        "events": [
            {
                "actor": "ana",
                "text": "approved the plan",
                "at": now - timedelta(minutes=4),
                "icon": "s-approved",
                "tone": "ok",
                "digest": DIGEST,
                "comment": "Checked the management path on all twelve. Go ahead in tonight's window.",
            },
            {
                "actor": "pete",
                "text": "assessed the plan",
                "at": now - timedelta(minutes=42),
                "icon": "s-assessment",
                "tone": "wait",
                "digest": DIGEST,
            },
            {
                "actor": "olivia",
                "text": "submitted the change",
                "at": now - timedelta(hours=2),
                "icon": "arrow-right",
                "tone": "accent",
            },
            {
                "actor": "system",
                "text": "built plan revision 3 for 12 devices",
                "at": now - timedelta(hours=2, minutes=3),
                "icon": "machine",
                "code": "plan.ready",
            },
        ],
        "rows": [
            (
                "CHG-00042",
                "Set NTP servers and a banner on all access switches in FRA",
                "authorization",
                "olivia",
                12,
                36,
                4,
                "low",
            ),
            (
                "CHG-00041",
                "Move guest VLAN 310 to the new firewall context",
                "implementing",
                "olivia",
                64,
                410,
                388,
                "high",
            ),
            ("CHG-00040", "Retire SNMPv2 communities", "closed", "maria", 218, 0, 654, "medium"),
            (
                "CHG-00039",
                "Emergency: shut the flapping uplink on muc-dist-02",
                "review",
                "amir",
                1,
                2,
                0,
                "medium",
            ),
        ],
    }


def _review() -> dict[str, Any]:
    device = {
        "anchor": "d-fra-acc-01",
        "name": "fra-acc-01",
        "facts": "FRA · access · cisco_ios",
        "source": "estimate",
        "digest": DIGEST,
        "added": 6,
        "removed": 2,
        "hunks": hunks(),
        "viewed_url": "#",
        "viewed": False,
        "same_as": [f"fra-acc-{n:02d}" for n in range(2, 9)],
        "warnings": [
            {
                "text": "This access list guards the management path. A wrong line locks everybody out.",
                "line": "ip access-list extended MGMT-IN",
                "tone": "warn",
            },
        ],
        "commands": ["no ntp server 10.20.0.9", "ntp server 10.30.4.11 prefer", "ntp server 10.30.4.12"],
        "backout": ["no ntp server 10.30.4.11", "no ntp server 10.30.4.12", "ntp server 10.20.0.9"],
    }
    seen = {
        **device,
        "anchor": "d-fra-acc-09",
        "name": "fra-acc-09",
        "viewed": True,
        "same_as": [],
        "warnings": [],
        "source": "device",
    }
    tree = [
        {"label": "FRA", "devices": [{**device, "same_count": 7}, seen]},
        {
            "label": "MUC",
            "devices": [
                {
                    **device,
                    "anchor": "d-muc",
                    "name": "muc-dist-02.core.example.net",
                    "added": 1,
                    "removed": 12,
                    "icon": "alert",
                }
            ],
        },
    ]
    return {
        "device": device,
        "seen": seen,
        "split_device": {**device, "anchor": "d-split", "name": "fra-acc-10", "same_as": [], "warnings": []},
        "tree": tree,
        "tree_count": 12,
        "viewed_count": 4,
        "device_count": 12,
    }


def _run() -> dict[str, Any]:
    done = [
        SampleStep(name, "ok") for name in ("connecting", "checking", "snapshotting", "applying", "verifying", "saving")
    ]
    rejected = [*done[:3], SampleStep("applying", "failed"), SampleStep("backing_out", "ok")]
    return {
        "inbox_count": 3,
        "wave": {
            "number": 1,
            "name": "Wave 1",
            "state": "running",
            "done": 3,
            "total": 7,
            "open": True,
            "note": "opened 21:04:12 UTC",
            "devices": [
                _device_run(1, "fra-acc-01", "succeeded", done, 4, "8.2 s"),
                _device_run(2, "fra-acc-02", "succeeded", done, 4, "7.9 s"),
                {
                    **_device_run(3, "fra-acc-03", "rolled_back", rejected, 2, "11 s"),
                    "reason": reason("COMMAND_REJECTED"),
                    "detail": "% Invalid input detected at '^' marker: line 3 of 4, “banner login ^C”",
                },
                _device_run(4, "fra-acc-04", "verifying", done[:4], 4, "5.1 s"),
                _device_run(5, "fra-acc-05", "applying", done[:3], 2, "3.0 s"),
                _device_run(6, "fra-acc-06", "connecting", [], 0, "0.3 s"),
                _device_run(7, "fra-acc-07", "pending", [], 0, ""),
            ],
        },
        "shares": [
            {"state": "succeeded", "count": 2, "start": 0, "width": 28.6},
            {"state": "rolled_back", "count": 1, "start": 28.6, "width": 14.3},
            {"state": "running", "count": 3, "start": 42.9, "width": 42.8, "live": True},
            {"state": "pending", "count": 1, "start": 85.7, "width": 14.3},
        ],
        "stats": [
            {"label": "Devices", "value": 3, "unit": "of 7 done"},
            {"label": "Elapsed", "value": "0:14"},
            {"label": "Devices a minute", "value": 12.9},
            {"label": "Lines sent", "value": 18, "unit": "of 28"},
            {"label": "Failed", "value": 1, "icon": "s-rollback", "tone": "warn", "note": "backed out"},
        ],
    }


def _device_run(
    number: int, name: str, state: str, steps: list[SampleStep], applied: int, elapsed: str
) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "state": state,
        "steps": steps,
        "lines_applied": applied,
        "lines_total": 4,
        "elapsed": elapsed,
        "url": "#",
    }
