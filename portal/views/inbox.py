from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from changes.domain.states import ENDED, EXECUTING
from changes.models import ChangeRequest
from changes.selectors import changes_waiting_for
from portal.presenters.change_rows import change_rows, listed
from portal.presenters.gate_tasks import SHOWN as GATES_SHOWN
from portal.presenters.gate_tasks import alerts_for, exceptions_for
from portal.presenters.inbox import inbox_groups
from portal.views.access import signed_in, viewer

SHOWN = 100
"""How many changes may wait on the page; more than that is a matter for the list of changes."""
OTHERS_SHOWN = 20
ENDED_SHOWN = 5


@require_safe
@signed_in
def inbox(request: HttpRequest) -> HttpResponse:
    """What waits for this person and why, what runs now, and how their own changes stand."""
    person = viewer(request)
    waiting = list(listed(changes_waiting_for(person))[: SHOWN + 1])
    shown = {change.pk for change in waiting}
    others = listed(ChangeRequest.objects.with_people()).exclude(pk__in=shown).order_by("-updated_at", "-pk")
    ended = Q(state__in=[state.value for state in ENDED])
    running = Q(state__in=[state.value for state in EXECUTING])
    under_way = list(others.filter(running | (Q(author_id=person.id) & ~ended))[:OTHERS_SHOWN])
    finished = list(others.filter(ended, author_id=person.id)[:ENDED_SHOWN])
    rows = {row.id: row for row in change_rows([*under_way, *finished])}
    alerts, exceptions = list(alerts_for(person)[:GATES_SHOWN]), list(exceptions_for(person)[:GATES_SHOWN])
    return render(
        request,
        "inbox/inbox.html",
        {
            "groups": inbox_groups(waiting[:SHOWN]),
            "more_waiting": len(waiting) > SHOWN,
            "under_way": [rows[change.pk] for change in under_way],
            "finished": [rows[change.pk] for change in finished],
            "own_url": f"{reverse('change-list')}?{urlencode({'author': person.username})}",
            "alerts": alerts,
            "exceptions": exceptions,
            "may_enrol": bool(alerts),
            "inbox_count": len(waiting) + len(alerts) + len(exceptions),
            "crumbs": [{"label": "Inbox", "url": ""}],
        },
    )
