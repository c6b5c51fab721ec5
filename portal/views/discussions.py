"""Discussions of a change: all threads on one page, a form for a new one, and what is done with one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import urlencode

from audit.actor import Actor
from changes.domain.discussions import LineSide, may_discuss
from changes.domain.errors import InvalidInputError
from changes.models import DevicePlan, Thread
from changes.services import threads as services
from changes.services.threads import Place, Written
from portal.forms.discussions import SayForm
from portal.presenters.discussions import FROM, Discussion, ThreadView, change_talk
from portal.presenters.selection import Selection
from portal.presenters.sight import Sight
from portal.presenters.thread_places import LineChoice, lines_of, place_words
from portal.presenters.visible import Mask
from portal.presenters.words import both
from portal.views.access import refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.change import look_at, page_context
from portal.views.decisions import asked_or_sent
from portal.views.refusals import Refusal, attempt
from portal.views.rendering import wants_partial
from portal.views.strictness import asked_for


@signed_in
@asked_or_sent
def change_discussion(request: HttpRequest, change_id: int) -> HttpResponse:
    """Every thread of a change; a POST opens one about the change itself."""
    if request.method != "POST":
        return _page(request, look_at(request, change_id))
    text = request.POST.get("text", "")
    written: list[Written] = []
    refusal = attempt(
        lambda: written.append(services.thread_open(change_id=change_id, actor=actor_of(request), text=text))
    )
    if refusal:
        return _page(request, look_at(request, change_id), refusal=refusal, text=text)
    _told(request, written[0])
    return redirect(f"{reverse('change-discussion', args=[change_id])}#thread-{written[0].comment.thread_id}")


@signed_in
@asked_or_sent
def thread_new(request: HttpRequest, change_id: int) -> HttpResponse:
    """A form for a thread on a device's plan or on one line of it; for htmx a row that goes below the line."""
    sight = look_at(request, change_id)
    try:
        asked = asked_for(request.GET, ["device", "side", "line"])
    except InvalidInputError as error:
        back = reverse("change-discussion", args=[change_id])
        return refused(request, "This page does not exist", str(error), status=400, url=back, label="The discussion")
    values = {name: found[0] for name, found in asked.items()}
    plan = _plan(sight, values.get("device", ""))
    if request.method != "POST":
        return _form(request, sight, plan, values, refusal=None)
    side, line = _line(request.POST.get("at", "") or f"{values.get('side', '')}:{values.get('line', '')}")
    place = Place(device_id=plan.device_id, digest=request.POST.get("digest", ""), side=side, line=line)
    written: list[Written] = []
    text = request.POST.get("text", "")
    refusal = attempt(
        lambda: written.append(
            services.thread_open(change_id=change_id, actor=actor_of(request), text=text, place=place)
        )
    )
    if refusal:
        return _form(request, sight, plan, values, refusal=refusal, text=text)
    thread_id = written[0].comment.thread_id
    if wants_partial(request):
        return _answer(request, sight, thread_id, "changes/_thread_row.html", "plan")
    _told(request, written[0])
    return redirect(Selection(change_id).only(device=plan.position).url(f"thread-{thread_id}"))


@signed_in
@asked_or_sent
def thread_reply(request: HttpRequest, change_id: int, thread_id: int) -> HttpResponse:
    """Answer in a thread."""
    text = request.POST.get("text", "")
    said: list[Written] = []

    def act(actor: Actor) -> None:
        said.append(services.thread_reply(thread_id=thread_id, actor=actor, text=text))

    return _on_thread(request, change_id, thread_id, act, said)


@signed_in
@asked_or_sent
def thread_resolve(request: HttpRequest, change_id: int, thread_id: int) -> HttpResponse:
    """Say that what a thread asks is settled."""
    text = request.POST.get("text", "")
    return _on_thread(
        request,
        change_id,
        thread_id,
        lambda actor: services.thread_resolve(thread_id=thread_id, actor=actor, text=text),
    )


@signed_in
@asked_or_sent
def thread_reopen(request: HttpRequest, change_id: int, thread_id: int) -> HttpResponse:
    """Open a resolved thread again."""
    return _on_thread(
        request, change_id, thread_id, lambda actor: services.thread_reopen(thread_id=thread_id, actor=actor)
    )


def _on_thread(
    request: HttpRequest,
    change_id: int,
    thread_id: int,
    act: Callable[[Actor], object],
    said: list[Written] | None = None,
) -> HttpResponse:
    """Do it, and show the thread as it is then: in place for htmx, else on the page that it was done on."""
    get_object_or_404(Thread, pk=thread_id, change_id=change_id)
    source = request.POST.get("source", "")
    source = source if source in FROM else "discussion"
    if request.method != "POST":
        return redirect(f"{reverse('change-discussion', args=[change_id])}#thread-{thread_id}")
    refusal = attempt(lambda: act(actor_of(request)))
    sight = look_at(request, change_id)
    if wants_partial(request):
        return _answer(request, sight, thread_id, "changes/_thread.html", source, refusal=refusal)
    if refusal:
        return _page(request, sight, refusal=refusal, at=thread_id, text=request.POST.get("text", ""))
    if said:
        _told(request, said[0])
    found = _thread(change_talk(sight, Mask.load(), source=source), thread_id)
    here = f"{reverse('change-discussion', args=[change_id])}#{found.anchor}"
    return redirect(found.url if source == "plan" else here)


def _answer(
    request: HttpRequest,
    sight: Sight,
    thread_id: int,
    template: str,
    source: str,
    *,
    refusal: Refusal | None = None,
) -> HttpResponse:
    """One thread, with the counts that it changes."""
    talk = change_talk(sight, Mask.load(), source=source)
    thread = _thread(talk, thread_id)
    if refusal:
        text = request.POST.get("text", "")
        thread = replace(thread, text=text, error=" ".join(refusal.fields.get("text", refusal.sentences)))
    context = {"thread": thread, "talk": talk, "head": {"id": sight.change.pk}, "oob": source == "plan"}
    response = render(request, template, context, status=refusal.status if refusal else 200)
    patch_vary_headers(response, ("HX-Request",))
    return response


def _thread(talk: Discussion, thread_id: int) -> ThreadView:
    found = next((thread for thread in talk.threads if thread.id == thread_id), None)
    if found is None:
        raise Http404
    return found


def _page(
    request: HttpRequest, sight: Sight, *, refusal: Refusal | None = None, at: int = 0, text: str = ""
) -> HttpResponse:
    talk = change_talk(sight, Mask.load(), source="discussion")
    if at and refusal:
        talk = replace(
            talk, threads=tuple(replace(item, text=text) if item.id == at else item for item in talk.threads)
        )
    context = {
        **page_context(sight, "discussion", page="Discussion"),
        "talk": talk,
        "form": SayForm(initial={"text": "" if at else text}),
        "refusal": refusal,
        "may_comment_on_plan": sight.plan_ready and talk.may_open,
    }
    return render(request, "changes/discussion.html", context, status=refusal.status if refusal else 200)


def _form(
    request: HttpRequest,
    sight: Sight,
    plan: DevicePlan,
    values: dict[str, str],
    *,
    refusal: Refusal | None,
    text: str = "",
) -> HttpResponse:
    mask = Mask.load()
    lines = lines_of(plan, mask)
    chosen = f"{values.get('side', '')}:{values.get('line', '')}" if "line" in values else ""
    line = next((choice for choice in lines if choice.value == chosen), None)
    if chosen and line is None:
        raise Http404("The diff of this device has no such line.")
    context = {
        **page_context(sight, "plan", page="Comment"),
        "plan": plan,
        "line": line,
        "lines": _offered(lines, line),
        "words": place_words(plan, line),
        "text": text,
        "error": " ".join(refusal.fields.get("text", ())) if refusal else "",
        "refusal": refusal,
        "action": f"{reverse('thread-new', args=[sight.change.pk])}?{urlencode(values)}",
        "back_url": Selection(sight.change.pk).url(f"d-{plan.position}"),
        "speaks": may_discuss(viewer(request)),
    }
    template = "changes/_thread_form_row.html" if wants_partial(request) else "changes/thread_new.html"
    response = render(request, template, context, status=refusal.status if refusal else 200)
    patch_vary_headers(response, ("HX-Request",))
    return response


def _offered(lines: list[LineChoice], line: LineChoice | None) -> list[LineChoice]:
    """What the form lets people choose from, where no line is chosen yet."""
    return [] if line else lines


def _plan(sight: Sight, position: str) -> DevicePlan:
    if not position.isascii() or not position.isdigit() or len(position) > 8:
        raise Http404("Name a device of the plan.")
    plans = DevicePlan.objects.select_related("device")
    return get_object_or_404(plans, revision=sight.revision, position=int(position))


def _line(given: str) -> tuple[str, int | None]:
    """The side and the number in ``intended:7``; nothing where none is named."""
    side, _, number = given.partition(":")
    if not side and not number:
        return "", None
    if side not in set(LineSide) or not number.isascii() or not number.isdigit() or len(number) > 8:
        return side or "?", None
    return side, int(number)


def _told(request: HttpRequest, written: Written) -> None:
    if written.unknown:
        names = both([f"@{name}" for name in written.unknown])
        messages.warning(request, f"Nobody is called {names}, so nobody was told. The comment is kept as it is.")
