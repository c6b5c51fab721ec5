import pytest
from django.http import Http404

from changes.domain.canonical import CanonicalError
from changes.domain.errors import ChangeError, InvalidInputError
from changes.domain.plan import PayloadError
from changes.domain.states import IllegalTransitionError
from changes.errors import (
    ChangeNotFoundError,
    ConflictError,
    DigestMismatchError,
    PlanIntegrityError,
    PlanNotReadyError,
    PolicyDeniedError,
    UnplannableError,
)
from portal.api.errors import STATUSES
from portal.views.refusals import attempt, refusal_of

CASES = [
    (InvalidInputError({"comment": ["Say why."]}), 400),
    (PolicyDeniedError([("GATE_ROLE_DENIED", "No."), ("GATE_DUPLICATE", "Twice.")]), 403),
    (IllegalTransitionError("draft", "approve", ["submit"]), 409),
    (ConflictError("It is on hold.", code="on_hold"), 409),
    (DigestMismatchError(given="a" * 64, current="b" * 64), 409),
    (PlanIntegrityError("Edited."), 409),
    (PlanNotReadyError("None."), 409),
    (PayloadError("Bad.", "$.x"), 409),
    (UnplannableError("Line 2: no."), 422),
]


@pytest.mark.parametrize(("error", "status"), CASES, ids=lambda case: type(case).__name__)
def test_every_refusal_has_a_status_a_title_and_its_own_sentence(error: ChangeError, status: int) -> None:
    refusal = refusal_of(error)
    assert refusal.status == status
    assert refusal.title.endswith(".")
    assert refusal.code == error.code
    assert " ".join(refusal.sentences) == str(error)


def test_pages_and_api_answer_with_the_same_status() -> None:
    for error, status in CASES:
        api = next((code for kind, code in STATUSES if isinstance(error, kind)), None)
        assert api in {status, None}, type(error)


def test_each_reason_of_a_rule_is_a_sentence_of_its_own() -> None:
    assert refusal_of(CASES[1][0]).sentences == ("No.", "Twice.")


def test_reason_of_the_catalogue_brings_its_next_step() -> None:
    assert refusal_of(PlanIntegrityError("Edited.")).next_step.startswith("Find out who changed the rows")
    assert refusal_of(ConflictError("Hm.", code="unheard_of")).next_step == ""


def test_stale_digest_is_remembered() -> None:
    assert refusal_of(DigestMismatchError(given="a" * 64, current="b" * 64)).stale_digest == "a" * 64


def test_unknown_change_is_another_page() -> None:
    with pytest.raises(Http404):
        refusal_of(ChangeNotFoundError("There is no change with the id 7."))


def test_attempt_gives_the_refusal_and_lets_other_errors_through() -> None:
    def refuse() -> None:
        raise CanonicalError("odd", "$")

    def fail() -> None:
        raise ZeroDivisionError

    assert attempt(lambda: None) is None
    refusal = attempt(refuse)
    assert refusal
    assert refusal.status == 409
    with pytest.raises(ZeroDivisionError):
        attempt(fail)
