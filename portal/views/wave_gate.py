"""The page of a gate after a wave: let the run go on, or end it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from changes.domain.content import MAX_COMMENT
from changes.domain.errors import InvalidInputError
from changes.services.wave_gate import wave_refuse, wave_release
from portal.forms.decisions import CommentForm, with_findings
from portal.presenters.visible import Mask
from portal.presenters.wave_gate import gate_of
from portal.views.access import signed_in
from portal.views.acting import actor_of
from portal.views.change import look_at, page_context
from portal.views.decisions import asked_or_sent
from portal.views.refusals import attempt

_ANSWERS = {"release": wave_release, "refuse": wave_refuse}
_SAID = {"release": "The run goes on.", "refuse": "The run goes no further. Devices that waited are skipped."}


class GateForm(CommentForm):
    """What is said with the answer."""

    def __init__(self, data: dict[str, str] | None = None) -> None:
        super().__init__(data)
        field = self.fields["comment"]
        field.widget.attrs["maxlength"] = MAX_COMMENT
        field.help_text = "Needed to end the run. It is kept with the run and in the audit log."


@signed_in
@asked_or_sent
def change_gate(request: HttpRequest, change_id: int) -> HttpResponse:
    """The gate that the run waits at, with its two answers; without one, what became of it."""
    form, refusal = GateForm(), None
    if request.method == "POST":
        comment = request.POST.get("comment", "")
        refusal = attempt(lambda: _answer(request, change_id, comment))
        if refusal is None:
            messages.success(request, _SAID[request.POST["answer"]])
            return redirect("change-execution", change_id)
        form = GateForm({"comment": comment})
        with_findings(form, refusal.fields)
    sight = look_at(request, change_id)
    context = {
        **page_context(sight, "execution", page="Gate"),
        "gate": gate_of(sight, Mask.load()),
        "form": form,
        "refusal": refusal,
    }
    return render(request, "changes/gate.html", context, status=refusal.status if refusal else 200)


def _answer(request: HttpRequest, change_id: int, comment: str) -> None:
    answer, wave = _ANSWERS.get(request.POST.get("answer", "")), request.POST.get("wave", "")
    if answer is None or not (wave.isascii() and wave.isdigit() and len(wave) < 6):
        raise InvalidInputError({"answer": ["Choose one of the two answers on the page."]})
    answer(change_id=change_id, wave=int(wave), actor=actor_of(request), comment=comment)
