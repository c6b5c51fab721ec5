"""The manual steps of a change's run: what is to be done, by whom, and the two answers."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from changes.domain.content import MAX_COMMENT
from changes.domain.errors import InvalidInputError
from changes.services.step_answers import step_confirm, step_stop
from portal.forms.decisions import CommentForm, with_findings
from portal.presenters.decision_steps import steps_of
from portal.views.access import signed_in
from portal.views.acting import actor_of
from portal.views.change import look_at, page_context
from portal.views.decisions import asked_or_sent
from portal.views.refusals import attempt

_ANSWERS = {"confirm": step_confirm, "stop": step_stop}
_SAID = {"confirm": "The step is confirmed. The run goes on.", "stop": "The run goes no further."}


class StepForm(CommentForm):
    """What is said with the answer."""

    def __init__(self, data: dict[str, str] | None = None) -> None:
        super().__init__(data)
        field = self.fields["comment"]
        field.label = "Note"
        field.widget.attrs["maxlength"] = MAX_COMMENT
        field.help_text = "Needed to stop the run. It is kept with the step and in the audit log."


@signed_in
@asked_or_sent
def change_steps(request: HttpRequest, change_id: int) -> HttpResponse:
    """The steps that the plan signs, how far each has come, and the answer that the run waits for."""
    form, refusal = StepForm(), None
    if request.method == "POST":
        note = request.POST.get("comment", "")
        refusal = attempt(lambda: _answer(request, change_id, note))
        if refusal is None:
            messages.success(request, _SAID[request.POST["answer"]])
            return redirect("change-steps", change_id)
        form = StepForm({"comment": note})
        with_findings(form, refusal.fields)
    sight = look_at(request, change_id)
    context = {
        **page_context(sight, "execution", page="Manual steps"),
        "steps": steps_of(sight),
        "form": form,
        "refusal": refusal,
    }
    return render(request, "changes/steps.html", context, status=refusal.status if refusal else 200)


def _answer(request: HttpRequest, change_id: int, note: str) -> None:
    answer, step = _ANSWERS.get(request.POST.get("answer", "")), request.POST.get("step", "")
    if answer is None or not (step.isascii() and step.isdigit() and len(step) < 18):
        raise InvalidInputError({"answer": ["Choose one of the two answers on the page."]})
    answer(change_id=change_id, step_id=int(step), actor=actor_of(request), note=note)
