"""A REST client for one person, on the standard library alone: what a script of the product's users would be."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

TIMEOUT_S = 30.0


class CallError(Exception):
    """A call went otherwise than it must; the message is a sentence for people."""


@dataclass(frozen=True)
class Answer:
    """What came back; ``text`` is the body."""

    status: int
    text: str

    @property
    def body(self) -> Any:  # noqa: ANN401 - any JSON value
        """The body, read as JSON.

        Raises:
            CallError: it is none.
        """
        try:
            return json.loads(self.text)
        except ValueError:
            raise CallError(f"The answer is no JSON: {self.text[:200]!r}.") from None

    @property
    def refusal(self) -> str:
        """The code and the sentence of a refusal."""
        return f"{self.body.get('code')}: {self.body.get('detail')}"


class Caller:
    """One person's calls. Entering makes a token for the password, leaving revokes it."""

    def __init__(self, base_url: str, username: str, password: str) -> None:
        self.username = username
        self._base_url = base_url.rstrip("/")
        pair = base64.b64encode(f"{username}:{password}".encode()).decode()
        self._authorization = f"Basic {pair}"
        # Straight to this machine, whatever proxy the environment names.
        self._opener: OpenerDirector = build_opener(ProxyHandler({}))
        self._token_id = ""

    def sign_in(self, purpose: str) -> None:
        """Trade the password for a token that lives a day.

        Raises:
            CallError: the person cannot sign in.
        """
        made = self.post("/api/v1/tokens/", {"name": purpose, "expires_in_days": 1}, expect=201)
        self._token_id = made["id"]
        self._authorization = f"Token {made['token']}"

    def sign_out(self) -> None:
        """Revoke the token."""
        if self._token_id:
            self.call("DELETE", f"/api/v1/tokens/{self._token_id}/")
            self._token_id = ""

    def get(self, path: str) -> Any:  # noqa: ANN401 - any JSON value
        """The body of a GET that must succeed."""
        return self._expected("GET", path, None, 200)

    def post(self, path: str, body: Mapping[str, object] | None = None, *, expect: int = 200) -> Any:  # noqa: ANN401
        """The body of a POST that must end with this status."""
        return self._expected("POST", path, body or {}, expect)

    def pages(self, path: str, rows: str) -> Iterator[Any]:
        """Every row of a paged answer, following ``next``."""
        address: str | None = path
        while address:
            page = self.get(address)
            yield from page[rows]
            address = page["next"]

    def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Answer:
        """Whatever comes back.

        Raises:
            CallError: nothing came back.
        """
        address = path if path.startswith("http") else self._base_url + path
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": self._authorization, "Accept": "application/json"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = Request(address, data=data, headers=headers, method=method)  # noqa: S310 - our own server's address
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                return Answer(response.status, response.read().decode())
        except HTTPError as refusal:
            with refusal:
                return Answer(refusal.code, refusal.read().decode())
        except (URLError, OSError) as error:
            raise CallError(f"{method} {path} got no answer: {error}.") from error

    def _expected(self, method: str, path: str, body: Mapping[str, object] | None, status: int) -> Any:  # noqa: ANN401
        answer = self.call(method, path, body)
        if answer.status != status:
            raise CallError(
                f"{self.username}: {method} {path} ended with {answer.status} instead of {status}. {answer.text[:500]}"
            )
        return answer.body
