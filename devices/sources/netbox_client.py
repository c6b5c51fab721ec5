"""The NetBox interface as the product uses it: pages by id, own timeouts, retries of reads, one kind of error."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

import pynetbox
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from devices.domain.netbox_filters import check_query
from devices.errors import InventoryError
from devices.sources.netbox_errors import netbox_failures

Row = Mapping[str, Any]

PAGE: Final = 1000
"""NetBox's own upper limit; a small page costs four times as much (docs/inventory.md has the figures)."""
IDS_PER_REQUEST: Final = 200
"""More ids than some hundreds make an address that web servers refuse with 400."""
CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 60.0
DEVICE_FIELDS: Final = (
    "id,name,display,status,site,role,platform,tenant,device_type,serial,primary_ip4,primary_ip6,tags,custom_fields"
)
CHANGE_FIELDS: Final = "id,action,changed_object_type,changed_object_id"


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, as NetBox sent them, and how many there are from here to the end."""

    rows: Sequence[Row]
    remaining: int


class _TimeoutAdapter(HTTPAdapter):
    """pynetbox has no timeout of its own; reads, and only those, are tried again."""

    def __init__(self, read_timeout_s: float) -> None:
        self._timeout = (CONNECT_TIMEOUT_S, read_timeout_s)
        again = Retry(
            total=3,
            read=1,
            backoff_factor=0.3,
            status_forcelist=(429, 502, 503, 504),
            allowed_methods={"GET"},
            raise_on_status=False,
            respect_retry_after_header=False,
        )
        super().__init__(max_retries=again)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401 - requests' own options
        """Send with a timeout."""
        options["timeout"] = options.get("timeout") or self._timeout
        return super().send(request, **options)


class NetBoxClient:
    """One NetBox. Every method raises :class:`InventoryError`, or :class:`SourceDeniedError` for the token's sake."""

    def __init__(self, url: str, token: str, *, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self.host = urlsplit(url).netloc
        self._api = pynetbox.api(url, token=token)
        adapter = _TimeoutAdapter(read_timeout_s)
        self._api.http_session.mount("http://", adapter)
        self._api.http_session.mount("https://", adapter)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.http_session.close()

    def version(self) -> str:
        """NetBox's version. Its ``/api/`` answers a bad token too, so the status is asked."""
        with netbox_failures(what="asking for its status", permission="to sign in", host=self.host):
            status = self._api.status()
            if not isinstance(status, dict) or "netbox-version" not in status:
                raise ValueError("no status")
            return str(status["netbox-version"])

    def device_pages(self, filters: Mapping[str, Sequence[str]]) -> Iterator[Page]:
        """All devices that the filter means, by rising id.

        Each page begins after the last id of the one before, not at a number of rows: a device that is deleted
        meanwhile moves no other one past the reader.
        """
        query = {**filters, "fields": DEVICE_FIELDS}
        yield from self._pages("dcim.devices", query, what="reading devices", permission="dcim.view_device")

    def devices_by_id(self, ids: Sequence[int], filters: Mapping[str, Sequence[str]]) -> Iterator[Page]:
        """The devices with these ids that the filter means; ids that NetBox no longer has are left out."""
        yield from self._by_ids("id", ids, {**filters, "fields": DEVICE_FIELDS})

    def devices_of_addresses(self, ids: Sequence[int]) -> set[int]:
        """Which devices have one of these IP addresses (by id) as a primary one.

        A filter by an address that was deleted is refused with 400, so those that are left are asked for first.
        """
        found: set[int] = set()
        what, permission = "reading IP addresses", "ipam.view_ipaddress"
        ids = [
            int(row["id"])
            for some in _parts(ids)
            for page in self._pages("ipam.ip_addresses", {"id": some, "fields": "id"}, what=what, permission=permission)
            for row in page.rows
        ]
        for name in ("primary_ip4_id", "primary_ip6_id"):
            for page in self._by_ids(name, ids, {"fields": "id"}):
                found.update(int(row["id"]) for row in page.rows)
        return found

    def newest_change(self) -> int:
        """The id of the newest entry of the change log; 0 while it is empty."""
        what, permission = "reading the change log", "core.view_objectchange"
        query = {"ordering": "-id", "fields": "id"}
        rows = self._page("core.object_changes", query, what=what, permission=permission, limit=1).rows
        return int(rows[0]["id"]) if rows else 0

    def changes_after(self, position: int) -> Iterator[Page]:
        """The entries of the change log after one, by rising id."""
        what, permission = "reading the change log", "core.view_objectchange"
        query = {"fields": CHANGE_FIELDS}
        yield from self._pages("core.object_changes", query, what=what, permission=permission, after=position)

    def journal_has(self, *, device: int, reference: str) -> bool:
        """Whether the device's journal has an entry whose text holds ``reference`` and not a longer number."""
        query = {"assigned_object_type": "dcim.device", "assigned_object_id": device, "ordering": "-id"}
        what, permission = "reading the journal", "extras.view_journalentry"
        page = self._page("extras.journal_entries", query, what=what, permission=permission, limit=100)
        wanted = re.compile(re.escape(reference) + r"(?!\w)")
        return any(wanted.search(str(row.get("comments", ""))) for row in page.rows)

    def journal_write(self, *, device: int, kind: str, text: str) -> None:
        """Add an entry to the device's journal. Never tried again here: it may have been written."""
        with netbox_failures(what="writing the journal", permission="extras.add_journalentry", host=self.host):
            made = self._api.extras.journal_entries.create(
                assigned_object_type="dcim.device", assigned_object_id=device, kind=kind, comments=text
            )
            # A server that redirects makes a POST a GET, whose answer says 200 and wrote nothing.
            if getattr(made, "id", None) is None:
                raise ValueError("no entry")

    def _by_ids(self, name: str, ids: Sequence[int], query: Mapping[str, object]) -> Iterator[Page]:
        for some in _parts(ids):
            asked = {**query, name: some}
            yield from self._pages("dcim.devices", asked, what="reading devices", permission="dcim.view_device")

    def _pages(
        self, endpoint: str, query: Mapping[str, object], *, what: str, permission: str, after: int = 0
    ) -> Iterator[Page]:
        while True:
            asked = {**query, "id__gt": after, "ordering": "id"}
            page = self._page(endpoint, asked, what=what, permission=permission, limit=PAGE)
            ids = [int(row["id"]) for row in page.rows]
            if ids and (min(ids) <= after or ids != sorted(set(ids))):
                raise InventoryError(f"{self.host} ignores the filter by id, so its pages cannot be told apart.")
            if ids:
                yield page
            if len(ids) >= page.remaining or not ids:
                return
            after = ids[-1]

    def _page(self, endpoint: str, query: Mapping[str, object], *, what: str, permission: str, limit: int) -> Page:
        check_query(endpoint, frozenset(query))
        app, _, name = endpoint.partition(".")
        with netbox_failures(what=what, permission=permission, host=self.host):
            records = getattr(getattr(self._api, app), name).filter(**query, limit=limit, offset=0)
            # The rows as they were sent: a Record would ask NetBox again for each field that is not there.
            rows = list(records.response)
            if not all(isinstance(row, dict) and isinstance(row.get("id"), int) for row in rows):
                raise ValueError("no list of objects")
            return Page(rows, int(records.request.count))


def _parts(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), IDS_PER_REQUEST):
        yield list(ids[start : start + IDS_PER_REQUEST])
