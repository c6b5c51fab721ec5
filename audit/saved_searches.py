"""Keeping, sharing and dropping searches of the explorer. Each is an event of the log."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from audit.actor import Actor
from audit.errors import BadSavedSearchError, LogClosedError, SavedSearchNotFoundError
from audit.filters import EventFilter
from audit.models import SavedSearch
from audit.readers import reads_log
from audit.recorder import record

NAME_LIMIT: Final = 80
KEPT_LIMIT: Final = 100


def saved_search_create(*, actor: Actor, name: str, query: Mapping[str, str], shared: bool) -> SavedSearch:
    """Keep filters under a name, for the actor alone or for all who read the log.

    Raises:
        LogClosedError: the actor may not read the log.
        FilterError: a filter that does not exist, or a value that it cannot have.
        BadSavedSearchError: the name is empty, too long or taken, no filter is set, or there are too many searches.
    """
    owner_id = _reader(actor)
    kept, name = _query(query), _name(name)
    if SavedSearch.objects.kept().filter(owner_id=owner_id).count() >= KEPT_LIMIT:
        raise BadSavedSearchError("name", f"You keep {KEPT_LIMIT} searches already. Delete one that you no longer use.")
    try:
        with transaction.atomic():
            search = SavedSearch.objects.create(
                owner_id=owner_id, owner_name=actor.username, name=name, query=kept, shared=shared
            )
            _record(actor, search, "saved_search.created", before=None)
    except IntegrityError as error:
        raise _taken(error, name) from None
    return search


def saved_search_change(
    *, actor: Actor, search_id: int, name: str | None = None, shared: bool | None = None
) -> SavedSearch:
    """Rename one's own search, or say who may use it; ``None`` leaves that as it is. Nothing new is no event.

    Raises:
        LogClosedError: the actor may not read the log.
        SavedSearchNotFoundError: there is none, or it is somebody else's.
        BadSavedSearchError: the name is empty, too long or taken.
    """
    owner_id = _reader(actor)
    wanted = None if name is None else _name(name)
    try:
        with _remembering(actor, "change", search_id), transaction.atomic():
            search = _own(owner_id, search_id)
            before = _said(search)
            search.name = search.name if wanted is None else wanted
            search.shared = search.shared if shared is None else shared
            if _said(search) != before:
                search.save(update_fields=["name", "shared"])
                _record(actor, search, "saved_search.changed", before=before)
    except IntegrityError as error:
        raise _taken(error, wanted or "") from None
    return search


def saved_search_delete(*, actor: Actor, search_id: int) -> None:
    """Drop one's own search. Its row stays, marked, and nobody sees it any more.

    Raises:
        LogClosedError: the actor may not read the log.
        SavedSearchNotFoundError: there is none, or it is somebody else's.
    """
    owner_id = _reader(actor)
    with _remembering(actor, "delete", search_id), transaction.atomic():
        search = _own(owner_id, search_id)
        SavedSearch.objects.filter(pk=search.pk).update(deleted_at=Now())
        record(
            actor=actor,
            action="saved_search.deleted",
            object_type="saved_search",
            object_id=search.pk,
            object_label=search.name,
            before=_said(search),
        )


@contextmanager
def _remembering(actor: Actor, attempt: str, search_id: int) -> Iterator[None]:
    """Audit an attempt on somebody else's search; nothing is kept of attempts on what does not exist."""
    try:
        yield
    except SavedSearchNotFoundError as refusal:
        search = SavedSearch.objects.kept().filter(pk=search_id).first()
        if search is not None:
            with transaction.atomic():
                record(
                    actor=actor,
                    action=f"saved_search.{attempt}_refused",
                    object_type="saved_search",
                    object_id=search.pk,
                    object_label=search.name,
                    code=refusal.code,
                    reason=f"It is a search of {search.owner_name}; only its owner changes it.",
                )
        raise


def _reader(actor: Actor) -> int:
    if actor.user_id is None or not reads_log(actor.user_id):
        raise LogClosedError
    return actor.user_id


def _own(owner_id: int, search_id: int) -> SavedSearch:
    rows = SavedSearch.objects.kept().select_for_update(no_key=True)
    found = rows.filter(pk=search_id, owner_id=owner_id).first()
    if found is None:
        raise SavedSearchNotFoundError(search_id)
    return found


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name:
        raise BadSavedSearchError("name", "Give the search a name, such as Refused by policy.")
    if len(name) > NAME_LIMIT:
        raise BadSavedSearchError("name", f"The name is longer than {NAME_LIMIT} characters. Shorten it.")
    if not name.isprintable():
        raise BadSavedSearchError("name", "The name holds characters that cannot be shown. Type it anew.")
    return name


def _query(given: Mapping[str, str]) -> dict[str, str]:
    """The filters as texts, once they are known to be readable."""
    asked = EventFilter.parse(given).asked()
    if not asked:
        raise BadSavedSearchError("query", "No filter is set. Filter the log first, then save the search.")
    return {name: given[name].strip() for name in asked}


def _taken(error: IntegrityError, name: str) -> Exception:
    """What a refused name means; every other error of the database stays what it is."""
    if "one_saved_search_per_name" not in str(error):
        return error
    return BadSavedSearchError("name", f"You have a search named {name} already. Choose another name.")


def _said(search: SavedSearch) -> dict[str, object]:
    return {"name": search.name, "shared": search.shared, "query": search.query}


def _record(actor: Actor, search: SavedSearch, action: str, *, before: dict[str, object] | None) -> None:
    record(
        actor=actor,
        action=action,
        object_type="saved_search",
        object_id=search.pk,
        object_label=search.name,
        before=before,
        after=_said(search),
    )
