from __future__ import annotations

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit.sealing.proof import sealing_lag
from changes.services.approval_seals import devices_unproved
from portal.models import ALIVE_FOR_S, WorkerBeat

SEALED_WITHIN_S = 15.0
"""An event that waits longer for the sealer, which looks five times a second, waits in vain."""


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - a view's signature
    """Answer 200 when this installation can do its work, else 503 and which part cannot.

    The shape is ``{"ready": bool, "parts": {"database": {"ready", "detail"}, "workers": …, "sealer": …}}``. Four
    queries; nobody has to be signed in, so nothing here says more than that.
    """
    problems = {"database": _database_problem()}
    unknown = "Not known while the database does not answer." if problems["database"] else ""
    problems["workers"] = unknown or _worker_problem()
    problems["sealer"] = unknown or _sealer_problem()
    parts = {part: {"ready": not problem, "detail": problem or "ok"} for part, problem in problems.items()}
    ready = not any(problems.values())
    return JsonResponse({"ready": ready, "parts": parts}, status=200 if ready else 503)


def _database_problem() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return "The database does not answer."
    return ""


def _worker_problem() -> str:
    try:
        alive = WorkerBeat.objects.alive().exists()
    except Error:
        return "The workers' beats cannot be read. Were the migrations applied?"
    return "" if alive else f"No worker has shown a sign of life in the last {ALIVE_FOR_S:.0f} s. Start `make worker`."


def _sealer_problem() -> str:
    try:
        lag = sealing_lag()
    except Error:
        return "What waits for the sealer cannot be read. Were the migrations applied?"
    if lag.oldest_s is None or lag.oldest_s <= SEALED_WITHIN_S:
        return _proof_problem()
    return (
        f"Audit events have been waiting for up to {lag.oldest_s:.0f} s to be sealed ({lag.pending} of them)."
        " No device is written for approvals among them. Start `manage.py audit_sealer`, or read its log."
    )


def _proof_problem() -> str:
    if not devices_unproved():
        return ""
    return (
        "Devices wait because the audit log does not prove the approvals of their change. Run `manage.py audit_verify`,"
        " and see that AUDIT_VERIFIERS names the public keys of the sealer."
    )
