from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from audit.readers import READERS

__all__ = ["READERS", "ReadsAudit"]


class ReadsAudit(BasePermission):
    """Lets those through who may read the whole log; one query."""

    message = (
        "Only auditors, change managers and administrators read the audit log. "
        "Ask an administrator for one of these roles."
    )

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - DRF's signature
        """Whether the person holds one of the roles; nobody does without being signed in."""
        user = request.user
        return bool(user and user.is_authenticated and user.groups.filter(name__in=READERS).exists())
