"""Errors of the change process. Each carries a stable ``code``; the portal maps them to HTTP once."""

from __future__ import annotations

from collections.abc import Sequence

from changes.domain.errors import ChangeError


class ChangeServiceError(ChangeError):
    """A refusal by a service: ``code`` may be set for one refusal, ``str(error)`` is a sentence for people."""

    def __init__(self, sentence: str, *, code: str = "") -> None:
        super().__init__(sentence)
        if code:
            self.code = code


class ChangeNotFoundError(ChangeServiceError):
    """There is no such change, plan or run."""

    code = "not_found"


class ConflictError(ChangeServiceError):
    """The request is right in itself but does not fit the present state."""

    code = "conflict"


class StaleEditError(ConflictError):
    """Somebody else edited the change after this person's form was drawn."""

    code = "stale_edit"


class DigestMismatchError(ConflictError):
    """The approval names another digest than the plan has now."""

    code = "GATE_DIGEST_MISMATCH"

    def __init__(self, *, given: str, current: str) -> None:
        super().__init__(
            f"The plan you looked at ({given[:12] or 'no digest'}…) is not the plan that stands now"
            f" ({current[:12] or 'none'}…). Open the plan again, read what changed, and decide on that."
        )
        self.given = given
        self.current = current


class PlanIntegrityError(ConflictError):
    """The stored plan is not the plan that was approved. Nothing may be sent."""

    code = "PLAN_HASH_MISMATCH"


class PlanNotReadyError(ConflictError):
    """There is no ready plan for what was asked."""

    code = "PLAN_MISSING"


class PolicyDeniedError(ChangeServiceError):
    """A rule forbids it to this person; ``reasons`` says which."""

    code = "forbidden"

    def __init__(self, reasons: Sequence[tuple[str, str]]) -> None:
        super().__init__(" ".join(sentence for _code, sentence in reasons))
        self.reasons = tuple(reasons)
        if reasons:
            self.code = reasons[0][0]


class UnplannableError(ChangeServiceError):
    """A plan cannot be made from this content for these targets."""

    code = "TEMPLATE_ERROR"
