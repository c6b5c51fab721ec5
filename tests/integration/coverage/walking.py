"""Calls a page or the API as somebody, and holds what was written against the log."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from rest_framework.status import HTTP_400_BAD_REQUEST, HTTP_403_FORBIDDEN
from rest_framework.test import APIClient

from audit.models import Event
from tests.factories import Cast
from tests.integration.coverage.noting import Notes

DONE = frozenset({200, 201, 202, 204, 302})
WHY = "The walk says why, 4711."
"""Given as the reason wherever a person may give one; it has to come back in an event."""


class Walk:
    """One way through the product: ``door`` is ``page`` or ``api``."""

    def __init__(self, cast: Cast, notes: Notes, door: str = "page") -> None:
        self.cast, self.notes, self.door = cast, notes, door
        self.problems: list[str] = []
        """What was found; a walk goes on to its end, so that one run tells everything."""
        self._clients: dict[tuple[int, bool], Any] = {}

    def act(
        self,
        who: User,
        route: str,
        body: Mapping[str, Any] | None = None,
        *,
        form: Mapping[str, Any] | None = None,
        api: str = "",
        api_method: str = "POST",
        **rules: Any,  # noqa: ANN401 - as `page` and `api` take them
    ) -> Any:  # noqa: ANN401 - a test client's response
        """Do the same by the door of this walk: the page ``route``, or the address ``api`` (else ``api-<route>``)."""
        if self.door == "page":
            return self.page(who, route, body if form is None else form, **rules)
        return self.api(who, api or f"api-{route}", body, method=api_method, **rules)

    def page(self, who: User, route: str, form: Mapping[str, Any] | None = None, **rules: Any) -> Any:  # noqa: ANN401
        """Send a page's form."""
        return self._call(who, route, form or {}, method="POST", is_api=False, **rules)

    def api(
        self,
        who: User,
        route: str,
        body: Mapping[str, Any] | None = None,
        *,
        method: str = "POST",
        **rules: Any,  # noqa: ANN401 - as `_call` takes them
    ) -> Any:  # noqa: ANN401 - a test client's response
        """Call the API."""
        return self._call(who, route, body or {}, method=method, is_api=True, **rules)

    def _call(
        self,
        who: User,
        route: str,
        body: Mapping[str, Any],
        *,
        method: str,
        is_api: bool,
        quiet: bool = False,
        refuse: bool = True,
        url: str = "",
        **kwargs: object,
    ) -> Any:  # noqa: ANN401 - a test client's response
        """``quiet``: it leaves no event. ``refuse``: an outsider tries it first, which changes nothing and is told."""
        url, called = url or reverse(route, kwargs=kwargs), f"{method} {route}"
        if refuse:
            self._refused(self._send(self.cast.outsider, url, body, method, is_api=is_api), called)
        response = self._send(who, url, body, method, is_api=is_api)
        if response.status_code not in DONE:
            self.problems.append(f"{called}: {response.status_code} {_text(response)}")
            return response
        self.check(called)
        events = list(Event.objects.filter(request_id=response["X-Request-ID"]))
        if bool(events) is quiet:
            self.problems.append(f"{called} left {len(events)} events. {_text(response)}")
        self._told(events, called, who, is_api=is_api)
        if WHY in json.dumps(body) and not repeated(events):
            self.problems.append(f"{called}: no event repeats the reason that was given")
        for event in events:
            if WHY in event.body:
                self.problems.append(
                    f"{called}: {event.action} seals what a person typed as it is, so that it can never be redacted."
                    " Put it under a name of audit/redaction/fields.py."
                )
        return response

    def check(self, called: str) -> None:
        """Whether all that was written since the last look is told by the log."""
        untold, unsaid = self.notes.untold(), self.notes.unsaid()
        if untold:
            self.problems.append(
                f"{called} changed the database without an event of the same transaction: {'; '.join(untold)}. "
                "Record one in the service, or say in excused.py why nobody misses it."
            )
        if unsaid:
            self.problems.append(
                f"{called}: no event says what was changed: {'; '.join(unsaid)}. Give before and after."
            )
        self.problems += [f"{called}: {lie}" for lie in self.notes.lies()]
        self.notes.forget()

    def _send(self, who: User, url: str, body: Mapping[str, Any], method: str, *, is_api: bool) -> Any:  # noqa: ANN401
        client = self._client(who, is_api=is_api)
        self.notes.forget()
        if is_api:
            return getattr(client, method.lower())(url, body, format="json")
        return client.post(url, body)

    def _client(self, who: User, *, is_api: bool) -> Any:  # noqa: ANN401 - one of two test clients
        if (who.pk, is_api) not in self._clients:
            client = APIClient() if is_api else Client()
            client.force_login(who)
            self._clients[who.pk, is_api] = client
        return self._clients[who.pk, is_api]

    def _refused(self, response: Any, called: str) -> None:  # noqa: ANN401 - a test client's response
        if response.status_code < HTTP_400_BAD_REQUEST:
            self.problems.append(f"{called}: an outsider got {response.status_code}")
        untold = self.notes.untold()
        if untold:
            self.problems.append(f"{called}, refused, wrote all the same: {'; '.join(untold)}")
        if response.status_code == HTTP_403_FORBIDDEN:
            events = list(Event.objects.filter(request_id=response["X-Request-ID"]))
            if not any("refused" in event.action for event in events):
                self.problems.append(f"{called}: the refusal (403) is no event")
            self._told(events, called, self.cast.outsider, is_api=called.partition(" ")[2].startswith("api-"))

    def _told(self, events: Sequence[Event], called: str, who: User, *, is_api: bool) -> None:
        """Whether each event of a request names who, from where, and what it is about."""
        for event in events:
            whole = (
                (event.actor_id, event.actor_name) == (who.pk, who.username)
                and event.origin == ("api" if is_api else "web")
                and bool(event.ip and event.object_type and event.object_id)
            )
            if not whole:
                self.problems.append(f"{called}: {event.action} lacks who, from where, or about what")


def ids(**given: int) -> Any:  # noqa: ANN401 - so that it stands for the parts of an address
    """The ids in an address, for calls that share them."""
    return given


def repeated(events: Sequence[Event]) -> bool:
    """Whether one of the events holds :data:`WHY`, in its body or as a text beside the log."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM audit_event e LEFT JOIN audit_opening o ON o.event_id = e.id"
            " WHERE e.id = ANY(%(ids)s) AND (e.body LIKE %(why)s OR o.value LIKE %(why)s))",
            {"ids": [event.pk for event in events], "why": f"%{WHY}%"},
        )
        return bool(cursor.fetchone()[0])


def _text(response: Any) -> str:  # noqa: ANN401 - a test client's response
    content = getattr(response, "content", b"")
    text = re.sub(r"<[^>]+>|\s+", " ", content.decode(errors="replace"))
    places = (content.decode(errors="replace").find(mark) for mark in ('role="alert"', 'class="errorlist'))
    marks = [content.decode(errors="replace")[at : at + 700] for at in places if at >= 0]
    return text[:500] if text.startswith("{") else re.sub(r"<[^>]+>|\s+", " ", " | ".join(marks))[:600]
