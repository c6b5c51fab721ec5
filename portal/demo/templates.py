"""Two runbooks for the demo, written, proposed and reviewed by its people: time servers, and a VLAN on access ports."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.models import User

from audit.actor import Actor, Origin
from changes.domain.templates.rubric import USUAL_QUESTIONS
from changes.models import Template
from changes.services.template_reviews import version_approve
from changes.services.templates import template_create, version_propose

_ANSWERS: Final = (
    "Yes. Only the variables differ, and their ranges are known.",
    "Yes. The lines are read back and compared, and a check looks for them besides.",
    "Yes. The old lines are put back as they were.",
    "Several times a month.",
    "A switch that refuses a line. It is backed out at once, and the canary stops the run.",
)

NTP_SERVERS: Final[dict[str, Any]] = {
    "name": "Time servers",
    "purpose": "The devices ask the given servers for the time.",
    "trigger": "A time server is added, or a site gets servers of its own. Servers that are set already stay.",
    "variables": {
        "properties": {
            "servers": {
                "type": "array",
                "title": "Servers",
                "description": "In the order in which they are asked.",
                "items": {"type": "string", "format": "ipv4"},
                "minItems": 1,
                "maxItems": 4,
                "uniqueItems": True,
            }
        },
        "required": ["servers"],
    },
    "content": {
        "cisco_ios": "{% for server in servers %}\nntp server {{ server }}\n{% endfor %}\n",
        "arista_eos": "{% for server in servers %}\nntp server {{ server }}\n{% endfor %}\n",
    },
    "checks": {
        "pre": [],
        "post": [
            {
                "name": "A time server is configured",
                "command": "show running-config | include ntp server",
                "expect": "contains",
                "value": "ntp server 10.",
                "timeout_s": 10,
            }
        ],
    },
    "strategy": {"max_parallel": 5, "canary": 1},
    "backout_notes": "The new servers are taken out again. Clocks keep running meanwhile.",
    "envelope": {
        "variables": {"properties": {"servers": {"items": {"pattern": "^10\\.20\\."}, "maxItems": 3}}},
        "scope": {"roles": ["access"], "platforms": ["cisco_ios"], "max_devices": 10},
        "strategy": {"max_parallel": {"min": 1, "max": 5}},
    },
}

ACCESS_VLAN: Final[dict[str, Any]] = {
    "name": "VLAN on an access port",
    "purpose": "A desk port of an access switch is put into a VLAN, which is made where it is missing.",
    "trigger": "Somebody moves, or a new kind of device needs its own network.",
    "variables": {
        "properties": {
            "interface": {
                "type": "string",
                "title": "Port",
                "description": "A desk port, 1 to 20. Printers and uplinks are not moved by this template.",
                "pattern": "^GigabitEthernet1/0/([1-9]|1[0-9]|20)$",
                "default": "GigabitEthernet1/0/5",
            },
            "vlan": {"type": "integer", "title": "VLAN", "minimum": 2, "maximum": 1001},
            "vlan_name": {
                "type": "string",
                "title": "Name of the VLAN",
                "pattern": "^[A-Za-z][A-Za-z0-9_-]*$",
                "maxLength": 32,
            },
            "purpose": {
                "type": "string",
                "title": "Kind of port",
                "enum": ["desk", "camera", "phone"],
                "default": "desk",
            },
        },
        "required": ["interface", "vlan", "vlan_name"],
    },
    "content": {
        "cisco_ios": (
            "vlan {{ vlan }}\n name {{ vlan_name }}\n"
            "interface {{ interface }}\n description {{ purpose }} in {{ vlan_name }}\n"
            " switchport access vlan {{ vlan }}\n switchport mode access\n"
        )
    },
    "checks": {
        "pre": [],
        "post": [
            {
                "name": "The uplinks are still trunks",
                "command": "show running-config | include switchport mode trunk",
                "expect": "contains",
                "value": "switchport mode trunk",
                "timeout_s": 10,
            }
        ],
    },
    "strategy": {"max_parallel": 2},
    "backout_notes": "The port goes back into its old VLAN. A VLAN that was made stays away again; its name is free.",
    "envelope": {
        "variables": {"properties": {"vlan": {"minimum": 100, "maximum": 199}}},
        "scope": {"roles": ["access"], "max_devices": 2},
        "strategy": {},
    },
}


def seed_templates() -> None:
    """Have the demo's people write and review both, once: where there is no template yet."""
    if Template.objects.exists():
        return
    for document in (NTP_SERVERS, ACCESS_VLAN):
        rubric = [
            {"question": question, "answer": answer, "ready": True}
            for question, answer in zip(USUAL_QUESTIONS, _ANSWERS, strict=True)
        ]
        version = template_create(data={**document, "rubric": rubric}, author=_actor("olivia"))
        version_propose(template_id=version.template_id, number=1, author=_actor("olivia"))
        for reviewer in ("pete", "ana"):
            version_approve(template_id=version.template_id, number=1, reviewer=_actor(reviewer), digest=version.digest)


def _actor(username: str) -> Actor:
    person = User.objects.get(username=username)
    return Actor(user_id=person.pk, username=username, origin=Origin.COMMAND)
