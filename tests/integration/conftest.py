"""What all tests of the parts together have in common."""

from collections.abc import Iterable, Iterator

import pytest

from changes.rendering import TemplateError, check_syntax
from changes.services import planning, preview
from portal.refusal_limits import counts
from portal.views import change_form


@pytest.fixture(autouse=True, scope="session")
def _check_each_template_once() -> Iterator[None]:
    """The same few templates are checked hundreds of times, and each check starts a process: 60 ms of one core.

    A template is really checked when it is met first; the answer depends on nothing but it and the names.
    """
    known: dict[tuple[str, frozenset[str] | None], tuple[TemplateError, ...]] = {}

    def remembered(content: str, names: Iterable[str] | None = None) -> tuple[TemplateError, ...]:
        asked = None if names is None else frozenset(names)
        if (content, asked) not in known:
            known[content, asked] = check_syntax(content, asked)
        return known[content, asked]

    with pytest.MonkeyPatch.context() as patch:
        for user in (planning, preview, change_form):
            patch.setattr(user, "check_syntax", remembered)
        yield


@pytest.fixture(autouse=True)
def _nobody_was_refused_yet() -> None:
    """Refusals are counted by the minute and the process, which are those of many tests."""
    counts.forget()
