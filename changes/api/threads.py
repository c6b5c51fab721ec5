"""Discussion threads: list, open, retrieve, answer, resolve, open again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.actor import Actor
from audit.api.actors import request_actor
from audit.errors import BadFilterError
from changes.api.bodies import body_of, text_in
from changes.domain.discussions import LineSide
from changes.domain.errors import InvalidInputError
from changes.models import Thread, ThreadComment, ThreadState
from changes.selectors import change_get
from changes.services.threads import Place, thread_open, thread_reopen, thread_reply, thread_resolve
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals
from devices.services.scrubbing import Scrubber

_OLDEST_FIRST = {"id": Ordering((("id", WHOLE),), descending=False)}
_FILTERS = {"state": f"One of: {', '.join(ThreadState)}."}


class ThreadCommentSerializer(serializers.ModelSerializer[ThreadComment]):
    """What one person wrote."""

    author = serializers.CharField(source="author.username")
    text = serializers.SerializerMethodField(help_text="Plain text, secrets masked.")
    mentioned = serializers.SerializerMethodField(help_text="Who was told.")

    class Meta:
        model = ThreadComment
        fields = ["id", "author", "text", "mentioned", "written_at"]
        read_only_fields = fields

    def get_mentioned(self, comment: ThreadComment) -> list[str]:
        """The names of the people who were told."""
        return [person.get_username() for person in comment.mentioned.all()]

    def get_text(self, comment: ThreadComment) -> str:
        """The comment, masked with what is known to be secret now."""
        return Scrubber.load().prose(comment.text)


class ThreadSerializer(serializers.ModelSerializer[Thread]):
    """A discussion about a change, a device's plan, or one line of it."""

    device = serializers.CharField(source="device.name", allow_null=True, default=None)
    device_id = serializers.IntegerField(allow_null=True)
    side = serializers.CharField(help_text="running, intended, or empty where it is not about a line.")
    revision = serializers.IntegerField(source="revision.number", allow_null=True, default=None)
    opened_by = serializers.CharField(source="opened_by.username")
    resolved_by = serializers.CharField(source="resolved_by.username", allow_null=True, default=None)
    comments = ThreadCommentSerializer(many=True)

    class Meta:
        model = Thread
        fields = [
            "id", "change", "device", "device_id", "revision", "side", "line_text", "line_section", "line_number",
            "state", "opened_by", "opened_at", "resolved_by", "resolved_at", "comments",
        ]  # fmt: skip
        read_only_fields = fields


_OPENING = inline_serializer(
    "ThreadOpening",
    fields={
        "text": serializers.CharField(help_text="Plain text; @name tells a person."),
        "device_id": serializers.IntegerField(required=False, help_text="A device of the present plan."),
        "digest": serializers.CharField(required=False, help_text="Its digest as it was read; checked where given."),
        "side": serializers.ChoiceField(LineSide.choices(), required=False),
        "line": serializers.IntegerField(required=False, help_text="The number of a line of its diff on that side."),
    },
)
_TEXT = inline_serializer("ThreadText", fields={"text": serializers.CharField()})
_LAST_WORD = inline_serializer("ThreadLastWord", fields={"text": serializers.CharField(required=False)})


def _rows() -> object:
    return Thread.objects.select_related("device", "revision", "opened_by", "resolved_by").prefetch_related(
        "comments__author", "comments__mentioned"
    )


def _shown(thread_id: int) -> dict[str, object]:
    found = _rows().filter(pk=thread_id).first()  # type: ignore[attr-defined]
    if found is None:
        raise NotFound(f"There is no thread with the id {thread_id}.")
    return dict(ThreadSerializer(found).data)


class ThreadListView(APIView):
    """The threads of a change."""

    @extend_schema(
        operation_id="changes_threads_list",
        summary="List the threads of a change",
        parameters=list_parameters(_FILTERS, _OLDEST_FIRST),
        responses={200: page_of("ThreadPage", ThreadSerializer), **refusals(400, 404)},
    )
    def get(self, request: Request, change_id: int) -> Response:
        """Threads of one change, oldest first, with their comments."""
        change_get(change_id)
        query = ListQuery.read(request, filters=tuple(_FILTERS), orderings=_OLDEST_FIRST)
        asked = query.only()
        if "state" in asked and asked["state"] not in set(ThreadState):
            raise BadFilterError("state", f"state takes one of: {', '.join(ThreadState)}.")
        found = page(_rows().filter(change_id=change_id, **asked), query, _OLDEST_FIRST)  # type: ignore[attr-defined]
        return found.response(request, ThreadSerializer(found.rows, many=True).data)

    @extend_schema(
        operation_id="changes_threads_open",
        summary="Open a thread",
        request=_OPENING,
        responses={201: ThreadSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, change_id: int) -> Response:
        """Open a thread on the change, or with `device_id` on its plan, or with `side` and `line` on one line."""
        body = body_of(request, {"text", "device_id", "digest", "side", "line"})
        place = Place(
            device_id=_whole(body, "device_id"),
            digest=text_in(body, "digest"),
            side=text_in(body, "side"),
            line=_whole(body, "line"),
        )
        written = thread_open(
            change_id=change_id, actor=request_actor(request), text=text_in(body, "text"), place=place
        )
        return Response(_shown(written.comment.thread_id), status=status.HTTP_201_CREATED)


class ThreadDetailView(APIView):
    """One thread."""

    @extend_schema(
        operation_id="threads_retrieve",
        summary="Retrieve a thread",
        responses={200: ThreadSerializer, **refusals(404)},
    )
    def get(self, request: Request, thread_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """One thread with its comments."""
        return Response(_shown(thread_id))


class ThreadAction(APIView):
    """One thing that is done with a thread; the answer is the thread as it is afterwards."""

    names: ClassVar[frozenset[str]] = frozenset({"text"})

    @abstractmethod
    def act(self, thread_id: int, body: Mapping[str, object], actor: Actor) -> None:
        """Call the service."""

    def post(self, request: Request, thread_id: int) -> Response:
        """Act, then show the thread."""
        self.act(thread_id, body_of(request, self.names), request_actor(request))
        return Response(_shown(thread_id))


_ANSWERS = {200: ThreadSerializer, **refusals(400, 403, 404, 409)}


@extend_schema_view(
    post=extend_schema(operation_id="threads_reply", summary="Answer in a thread", request=_TEXT, responses=_ANSWERS)
)
class ThreadReplyView(ThreadAction):
    """Answer."""

    def act(self, thread_id: int, body: Mapping[str, object], actor: Actor) -> None:
        """Answer in an open thread."""
        thread_reply(thread_id=thread_id, actor=actor, text=text_in(body, "text"))


@extend_schema_view(
    post=extend_schema(
        operation_id="threads_resolve",
        summary="Resolve a thread",
        description="As who opened it, or as somebody who judges changes and has no hand in this one.",
        request=_LAST_WORD,
        responses=_ANSWERS,
    )
)
class ThreadResolveView(ThreadAction):
    """Resolve."""

    def act(self, thread_id: int, body: Mapping[str, object], actor: Actor) -> None:
        """Resolve the thread."""
        thread_resolve(thread_id=thread_id, actor=actor, text=text_in(body, "text"))


@extend_schema_view(
    post=extend_schema(
        operation_id="threads_reopen", summary="Open a thread again", request=_LAST_WORD, responses=_ANSWERS
    )
)
class ThreadReopenView(ThreadAction):
    """Open again."""

    def act(self, thread_id: int, body: Mapping[str, object], actor: Actor) -> None:
        """Open the thread again."""
        thread_reopen(thread_id=thread_id, actor=actor, text=text_in(body, "text"))


def _whole(body: Mapping[str, object], name: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**31:
        raise InvalidInputError({name: [f"{name} is a whole number."]})
    return value
