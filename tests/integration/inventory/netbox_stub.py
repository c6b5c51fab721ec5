"""A NetBox on loopback with what the product uses of one: pages, the change log, the journal, and ways to fail.

As the real one does, it ignores filters that it does not know, and answers every refused token with 403.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "nbt_abcdefgh.0123456789012345678901234567890123456789"

PATHS = frozenset(
    {"/api/dcim/devices/", "/api/ipam/ip-addresses/", "/api/core/object-changes/", "/api/extras/journal-entries/"}
)

Row = dict[str, Any]


@dataclass
class NetBoxStub:
    """What it holds and how it misbehaves; tests change both while it runs."""

    url: str = ""
    devices: dict[int, Row] = field(default_factory=dict)
    changes: list[Row] = field(default_factory=list)
    journal: list[Row] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    page_limit: int = 1000
    refusal: str = ""
    fail_device_page: int = 0
    answer: tuple[int, str, str] | None = None
    ignore_ids: bool = False
    hold: threading.Event | None = None
    lose_next_journal_answer: bool = False
    redirect_posts: bool = False
    changes_forbidden: bool = False
    fail_gets: int = 0

    def add(self, number: int, **changed: Any) -> Row:  # noqa: ANN401 - any JSON value
        """A device as NetBox describes it; ``changed`` are its fields."""
        row: Row = {
            "id": number,
            "name": f"sw{number}",
            "display": f"sw{number}",
            "status": {"value": "active", "label": "Active"},
            "site": {"id": 1, "name": "Amsterdam 1", "slug": "ams1"},
            "role": {"id": 1, "name": "Access switch", "slug": "access-switch"},
            "platform": {"id": 1, "name": "Cisco IOS", "slug": "cisco-ios"},
            "device_type": {"id": 1, "model": "C9300-48P", "slug": "c9300-48p"},
            "serial": f"SN{number}",
            "primary_ip4": {"id": 1000 + number, "address": f"10.0.{number // 250}.{number % 250 + 1}/24"},
            "primary_ip6": None,
            "tags": [{"id": 1, "name": "Pilot", "slug": "pilot"}],
            "custom_fields": {"countersign_platform": None, "countersign_credential": "lab"},
            **changed,
        }
        self.devices[number] = row
        return row

    def changed(self, kind: str, number: int, action: str = "update") -> None:
        """Put an entry into the change log."""
        last = self.changes[-1]["id"] if self.changes else 0
        self.changes.append(
            {"id": last + 1, "changed_object_type": kind, "changed_object_id": number, "action": {"value": action}}
        )

    def found(self, path: str, query: dict[str, list[str]]) -> tuple[list[Row], int]:
        """The rows of one page, and how many match."""
        if path == "/api/dcim/devices/":
            rows = [row for row in self.devices.values() if self._matches(row, query)]
        elif path == "/api/ipam/ip-addresses/":
            rows = [{"id": number} for number in sorted(self.addresses()) if str(number) in query["id"]]
            rows = [row for row in rows if row["id"] > int(query.get("id__gt", ["0"])[0])]
        elif path == "/api/core/object-changes/":
            rows = [row for row in self.changes if row["id"] > int(query.get("id__gt", ["0"])[0])]
        else:
            wanted = int(query.get("assigned_object_id", ["0"])[0])
            rows = [row for row in self.journal if row["assigned_object_id"] == wanted]
        rows.sort(key=lambda row: row["id"], reverse=query.get("ordering") == ["-id"])
        limit = min(int(query["limit"][0]), self.page_limit)
        return rows[:limit], len(rows)

    def addresses(self) -> set[int]:
        """The ids of the addresses that there are."""
        return {
            row[name]["id"] for row in self.devices.values() for name in ("primary_ip4", "primary_ip6") if row[name]
        }

    def unknown_address(self, query: dict[str, list[str]]) -> bool:
        """Whether a filter names an address that there is not, which NetBox refuses."""
        asked = {*query.get("primary_ip4_id", []), *query.get("primary_ip6_id", [])}
        return not asked <= set(map(str, self.addresses()))

    def _matches(self, row: Row, query: dict[str, list[str]]) -> bool:
        if "id__gt" in query and not self.ignore_ids and row["id"] <= int(query["id__gt"][0]):
            return False
        for name in ("primary_ip4", "primary_ip6"):
            if f"{name}_id" in query and str((row[name] or {}).get("id")) not in query[f"{name}_id"]:
                return False
        if "site" in query and row["site"]["slug"] not in query["site"]:
            return False
        return "id" not in query or str(row["id"]) in query["id"]


def _handler(stub: NetBoxStub) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - a class that knows its stub
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One packet an answer: head and body apart would wait for each other's acknowledgement.
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            stub.asked.append(self.path)
            if stub.fail_gets:
                stub.fail_gets -= 1
                self._send(503, "{}", "application/json")
            elif not self._refused():
                self._get(address.path, parse_qs(address.query))

        def _get(self, path: str, query: dict[str, list[str]]) -> None:
            if stub.hold:
                stub.hold.wait(10)
            if stub.answer:
                self._send(*stub.answer)
            elif path == "/api/status/":
                self._json(200, {"netbox-version": "4.7.3"})
            elif path == "/api/core/object-changes/" and stub.changes_forbidden:
                self._json(403, {"detail": "You do not have permission to perform this action."})
            elif path not in PATHS:
                self._json(404, {"detail": "Not found."})
            elif stub.unknown_address(query):
                self._json(400, {"primary_ip4_id": ["Select a valid choice."]})
            else:
                pages = sum(asked.startswith("/api/dcim/devices/") for asked in stub.asked)
                if path == "/api/dcim/devices/" and stub.fail_device_page == pages:
                    self._send(500, "<h1>Server Error</h1>", "text/html")
                    return
                rows, count = stub.found(path, query)
                self._json(200, {"count": count, "next": None, "previous": None, "results": rows})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self._refused():
                return
            if stub.redirect_posts:
                self.send_response(301)
                self.send_header("Location", f"{stub.url}{self.path}?limit=50")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            row = {"id": len(stub.journal) + 1, **json.loads(body)}
            if row["assigned_object_id"] not in stub.devices:
                self._json(400, {"__all__": ["Invalid assigned object: 8 does not exist."]})
                return
            stub.journal.append(row)
            if stub.lose_next_journal_answer:
                stub.lose_next_journal_answer = False
                self.close_connection = True
                self.connection.close()
                return
            self._json(201, row)

        def _refused(self) -> bool:
            detail = stub.refusal
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                detail = detail or "Invalid v2 token"
            if detail:
                self._json(403, {"detail": detail})
            return bool(detail)

        def _json(self, status: int, value: object) -> None:
            self._send(status, json.dumps(value), "application/json")

        def _send(self, status: int, text: str, kind: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away before its answer is part of a test."""


@contextmanager
def netbox_stub() -> Iterator[NetBoxStub]:
    """A stub that answers on a free port of loopback."""
    stub = NetBoxStub()
    server = _Server(("127.0.0.1", 0), _handler(stub))
    stub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
