"""The form of a change as a browser sends it."""

from __future__ import annotations

NEW = "/changes/new/"
FORM = 'class="change-form"'

Sent = dict[str, object]


def filled(**fields: object) -> Sent:
    """A form that is complete, as a browser sends it; ``fields`` replace or add."""
    return {
        "title": "Set the NTP servers",
        "reason": "The old one is switched off.",
        "content": "{% for server in servers %}\r\nntp server {{ server }}\r\n{% endfor %}\r\n",
        "variables": "servers:\r\n  - 192.0.2.1\r\n  - 192.0.2.2\r\nvlan: 110\r\n",
        "by": "filter",
        "site": ["FRA"],
        "role": ["access"],
        "max_parallel": "5",
        "version": "",
        "pre-count": "0",
        "post-count": "1",
        "post-0-name": "Configured",
        "post-0-command": "show running-config | include ntp",
        "post-0-expect": "contains",
        "post-0-value": "192.0.2.1",
        "post-0-timeout_s": "20",
        "action": "save",
        **fields,
    }
