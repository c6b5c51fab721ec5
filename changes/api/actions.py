"""What people do to a change: one POST each. The services decide; a refusal changes nothing and is audited."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from audit.actor import Actor
from audit.api.actors import request_actor
from changes.api.bodies import body_of, digest_in, member_in, text_in
from changes.api.changes import change_response
from changes.api.requests import CloseBody, CommentBody, DecisionBody, ReasonBody, RefusalBody
from changes.api.run_serializers import RunSerializer
from changes.api.serializers import ChangeDetailSerializer
from changes.services.approvals import change_approve, change_assess, change_reject, change_request_changes
from changes.services.execution import change_start
from changes.services.requests import change_cancel, change_submit, change_withdraw
from changes.services.review import change_close
from devices.api.openapi import refusals

Body = Mapping[str, object]

_SHOWN = {200: ChangeDetailSerializer, **refusals(400, 403, 404, 409)}


class ChangeAction(APIView):
    """One action on one change; the answer is the change as it is afterwards."""

    names: ClassVar[frozenset[str]] = frozenset({"comment"})

    @abstractmethod
    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Call the service."""

    def post(self, request: Request, change_id: int) -> Response:
        """Act, then show the change."""
        self.act(change_id, body_of(request, self.names), request_actor(request))
        return change_response(request, change_id)


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_submit",
        summary="Submit",
        description="Hand a planned draft in for assessment by a technical peer.",
        request=None,
        responses=_SHOWN,
    )
)
class SubmitView(ChangeAction):
    """Submit."""

    names = frozenset()

    def act(self, change_id: int, body: Body, actor: Actor) -> None:  # noqa: ARG002 - the base's signature
        """Submit the change."""
        change_submit(change_id=change_id, requester=actor)


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_withdraw",
        summary="Withdraw",
        description="Take a change back from review; approvals given so far are void.",
        request=CommentBody,
        responses=_SHOWN,
    )
)
class WithdrawView(ChangeAction):
    """Withdraw."""

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Withdraw the change."""
        change_withdraw(change_id=change_id, requester=actor, comment=text_in(body, "comment"))


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_request_changes",
        summary="Ask for changes",
        description="Send a change back to its author, with a comment; approvals given so far are void.",
        request=RefusalBody,
        responses=_SHOWN,
    )
)
class RequestChangesView(ChangeAction):
    """Ask for changes."""

    names = frozenset({"comment", "plan_digest"})

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Send the change back."""
        change_request_changes(
            change_id=change_id,
            approver=actor,
            comment=text_in(body, "comment"),
            plan_digest=digest_in(body, required=False),
        )


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_assess",
        summary="Assess",
        description="Approve in the assessment exactly the plan whose digest you read. Open the plan first.",
        request=DecisionBody,
        responses=_SHOWN,
    )
)
class AssessView(ChangeAction):
    """Assess."""

    names = frozenset({"comment", "plan_digest", "on_behalf_of"})

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Approve in the assessment."""
        change_assess(
            change_id=change_id,
            approver=actor,
            plan_digest=digest_in(body, required=True),
            comment=text_in(body, "comment"),
            on_behalf_of=member_in(body, "on_behalf_of"),
        )


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_approve",
        summary="Approve",
        description="Approve in the authorization exactly the plan whose digest you read. Open the plan first.",
        request=DecisionBody,
        responses=_SHOWN,
    )
)
class ApproveView(ChangeAction):
    """Approve."""

    names = frozenset({"comment", "plan_digest", "on_behalf_of"})

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Approve in the authorization."""
        change_approve(
            change_id=change_id,
            approver=actor,
            plan_digest=digest_in(body, required=True),
            comment=text_in(body, "comment"),
            on_behalf_of=member_in(body, "on_behalf_of"),
        )


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_reject",
        summary="Reject",
        description="End a change in review for good, with a reason.",
        request=RefusalBody,
        responses=_SHOWN,
    )
)
class RejectView(ChangeAction):
    """Reject."""

    names = frozenset({"comment", "plan_digest"})

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Reject the change."""
        change_reject(
            change_id=change_id,
            approver=actor,
            comment=text_in(body, "comment"),
            plan_digest=digest_in(body, required=False),
        )


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_close",
        summary="Close",
        description="Close a reviewed change with a close code; a comment is required unless everything succeeded.",
        request=CloseBody,
        responses=_SHOWN,
    )
)
class CloseView(ChangeAction):
    """Close."""

    names = frozenset({"comment", "close_code"})

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Close the change."""
        change_close(
            change_id=change_id,
            manager=actor,
            close_code=text_in(body, "close_code"),
            comment=text_in(body, "comment"),
        )


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_cancel",
        summary="Cancel",
        description="Give a change up before it is implemented, with a reason. It cannot be taken up again.",
        request=ReasonBody,
        responses=_SHOWN,
    )
)
class CancelView(ChangeAction):
    """Cancel."""

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Cancel the change."""
        change_cancel(change_id=change_id, actor=actor, comment=text_in(body, "comment"))


class StartView(APIView):
    """Start."""

    @extend_schema(
        operation_id="changes_start",
        summary="Start",
        request=None,
        responses={202: RunSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, change_id: int) -> Response:
        """Start the approved plan; digest and approvals are checked again. Poll the run until its state is `ended`."""
        body_of(request, ())
        run = change_start(change_id=change_id, implementer=request_actor(request))
        location = reverse("api-run-detail", args=[run.pk], request=request)
        return Response(RunSerializer(run).data, status=status.HTTP_202_ACCEPTED, headers={"Location": location})
