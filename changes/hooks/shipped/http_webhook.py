"""A hook that posts each event, signed, to one address, which may object by its answer."""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import asdict
from typing import Final

from changes.hooks.interface import API_VERSION, POINTS, HookEvent, Objection
from changes.outbound.webhook import Route, post

SCHEMA: Final = "countersign.hook-event/1"


class HttpWebhook:
    """Post to ``COUNTERSIGN_HOOK_WEBHOOK_URL``, signed with ``COUNTERSIGN_HOOK_WEBHOOK_SECRET``.

    A 2xx answer agrees, unless its body is JSON with a text under ``objection``. Every other answer counts as none.
    The networks and the authority that notifications may use hold here too.
    """

    api = API_VERSION
    points = POINTS

    def call(self, event: HookEvent) -> Objection | None:
        """Post the event.

        Raises:
            KeyError: a setting is missing.
            OutboundError: it was not taken.
        """
        body = json.dumps({"schema": SCHEMA, **asdict(event)}, ensure_ascii=False).encode()
        answer = post(
            os.environ["COUNTERSIGN_HOOK_WEBHOOK_URL"],
            body=body,
            secret=os.environ["COUNTERSIGN_HOOK_WEBHOOK_SECRET"],
            message=event.id,
            route=_route(),
        )
        return _objection(answer.body)


def _route() -> Route:
    networks = os.environ.get("COUNTERSIGN_HOOK_ALLOWED_NETWORKS", "")
    return Route(
        allowed=[ipaddress.ip_network(part) for part in networks.split(",") if part],
        ca_file=os.environ.get("COUNTERSIGN_HOOK_CA_FILE", ""),
        timeout_s=float(os.environ.get("COUNTERSIGN_HOOK_TIMEOUT_S", "10")),
    )


def _objection(body: bytes) -> Objection | None:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    sentence = said.get("objection") if isinstance(said, dict) else None
    return Objection(sentence) if isinstance(sentence, str) and sentence.strip() else None
