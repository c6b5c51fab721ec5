"""Sample data for the living style guide. Nothing here is read by a page of the product."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from changes.domain.states import (
    ChangeState,
    ChangeType,
    CloseCode,
    DevicePlanState,
    DeviceRunState,
    PlanState,
    RunOutcome,
    RunState,
)

DIGEST = "9f2c41d7be05a83c6e1f7720d9b4c85a3e60f1982b7cd4450a6e8f13c72d95be"


@dataclass(frozen=True, slots=True)
class SampleStep:
    """A recorded step of a device run."""

    name: str
    outcome: str


class SampleForm(forms.Form):
    """One field of each kind, with an error."""

    title = forms.CharField(
        max_length=200, help_text="What the change does, in a line that an approver understands."
    )
    reason = forms.CharField(
        widget=forms.Textarea, help_text="Why it is needed. Name the incident or the ticket."
    )
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
    form.add_error(
        "content", "Line 2: ntp_secondry is not a variable of this change. Did you mean ntp_secondary?"
    )
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
