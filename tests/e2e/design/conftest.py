"""The style guide in a real browser. Its pages read no database, so the server here is a thread without one."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.core.wsgi import get_wsgi_application
from playwright.sync_api import ConsoleMessage, Page
from pytest_django import Settings


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Keep requests out of the test's output."""


class _Threaded(WSGIServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that closes a connection early is no failure of the page."""


@dataclass
class Watched:
    """A page, and everything its console complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    settings.DESIGN_PAGES = True
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    server = make_server("127.0.0.1", 0, get_wsgi_application(), _Threaded, _Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)
