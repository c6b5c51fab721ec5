from __future__ import annotations

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.models import ALIVE_FOR_S, WorkerBeat


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - a view's signature
    """Answer 200 when this installation can do its work, else 503 and which part cannot.

    The shape is ``{"ready": bool, "parts": {"database": {"ready", "detail"}, "workers": {"ready", "detail"}}}``. Two
    queries; nobody has to be signed in, so nothing here says more than that.
    """
    problems = {"database": _database_problem()}
    problems["workers"] = "Not known while the database does not answer." if problems["database"] else _worker_problem()
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
