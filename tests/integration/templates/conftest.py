"""Templates as people write them, and changes that are made from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth.models import User

from changes.domain.risk.levels import RiskLevel
from changes.domain.templates.rubric import USUAL_QUESTIONS
from changes.models import ChangeRequest, TemplateVersion
from changes.services import template_reviews, templates
from changes.services.fact_gathering import facts_gather
from changes.services.requests import change_create
from devices.models import Device
from tests.factories import Cast, DeviceFactory, actor, ready_plan

NTP: Mapping[str, Any] = {
    "name": "NTP servers",
    "purpose": "Every access switch asks the same two servers for the time.",
    "trigger": "A server is replaced, or a site is new.",
    "variables": {
        "properties": {
            "server": {"type": "string", "format": "ipv4", "title": "Server"},
            "key": {"type": "integer", "minimum": 1, "maximum": 100, "default": 7},
        },
        "required": ["server"],
    },
    "content": {"cisco_ios": "ntp server {{ server }}\n"},
    "checks": {
        "post": [
            {
                "name": "Server is configured",
                "command": "show running-config | include ntp server",
                "expect": "contains",
                "value": "ntp server",
            }
        ]
    },
    "strategy": {"max_parallel": 5, "canary": 1},
    "backout_notes": "Nothing beside the computed backout.",
    "rubric": [{"question": question, "answer": "Yes.", "ready": True} for question in USUAL_QUESTIONS],
    "envelope": {
        "variables": {"properties": {"server": {"pattern": "^192\\.0\\.2\\."}}},
        "scope": {"sites": ["FRA"], "roles": ["access"], "max_devices": 2},
        "strategy": {"max_parallel": {"min": 1, "max": 5}},
    },
}
SERVER = "192.0.2.123"


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def devices(db: None) -> list[Device]:
    return [DeviceFactory.create(name=f"fra-acc-{number:02}") for number in (1, 2)]


def proposed(author: User, **fields: object) -> TemplateVersion:
    """A first version that waits for its reviews."""
    version = templates.template_create(data={**NTP, **fields}, author=actor(author))
    return templates.version_propose(template_id=version.template_id, number=1, author=actor(author))


def reviewed(version: TemplateVersion, *reviewers: User) -> TemplateVersion:
    """The version after these people approved it."""
    for reviewer in reviewers:
        version = template_reviews.version_approve(
            template_id=version.template_id, number=version.number, reviewer=actor(reviewer), digest=version.digest
        )
    return version


def approved_template(cast: Cast, **fields: object) -> TemplateVersion:
    """A template whose first version is approved: by a peer, and by the CAB where it pre-approves changes."""
    version = proposed(cast.colleague, **fields)
    return reviewed(version, *([cast.peer, cast.approver] if version.envelope_digest else [cast.peer]))


def made_from(version: TemplateVersion, author: User, **fields: object) -> ChangeRequest:
    """A draft from a template; ``fields`` replace the usual ones."""
    data = {
        "title": "New NTP server for FRA",
        "reason": "The old server is switched off on Friday.",
        "type": "standard",
        "template": version.template_id,
        "variables": {"server": SERVER},
        "targets": {"filter": {"site": ["FRA"], "role": ["access"]}},
        **fields,
    }
    return change_create(data=data, author=actor(author))


def planned(version: TemplateVersion, author: User, devices: list[Device], **fields: object) -> ChangeRequest:
    """A draft from a template with a ready plan of low risk."""
    change = made_from(version, author, **fields)
    revision = ready_plan(change, devices)
    revision.facts, change.risk_level = facts_gather(revision), RiskLevel.LOW.value
    revision.save(update_fields=["facts"])
    change.save(update_fields=["risk_level"])
    return change
