"""eAPI: JSON-RPC over HTTP, one request per connection, and the faults that hit it."""

import asyncio
import base64
import binascii
import hmac
import json
import re
from http import HTTPStatus
from typing import Any, Final, Protocol

from devices.lab.eos.machine import EosMachine
from devices.lab.eos.shell import EosCliError, EosShell, Output
from devices.lab.faults import Faults
from devices.lab.journal import Journal

PATH: Final = "/command-api"
_MAX_BODY: Final = 32 * 1024 * 1024
_CONVERTED: Final = 1002
_IDLE_S: Final = 30


class EapiHost(Protocol):
    """What a request needs of its device."""

    faults: Faults
    journal: Journal
    username: str
    password: str
    enable_secret: str | None

    @property
    def machine(self) -> EosMachine:
        """The state that all requests share."""
        ...

    def is_cut_off(self) -> bool:
        """Whether the running configuration cuts the way to the device."""
        ...


class DropError(Exception):
    """The connection is to be cut without an answer."""


async def serve(host: EapiHost, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request and close. `number` is the connection's in the journal."""
    host.journal.event(number, "connect")
    try:
        async with asyncio.timeout(_IDLE_S):
            head, body = await _read(reader)
        status, answer = await _respond(host, number, head, body)
        writer.write(_http(status, answer))
        await writer.drain()
    except DropError:
        host.journal.event(number, "cut")
        writer.transport.abort()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
        pass
    finally:
        host.journal.event(number, "close", reason="")
        writer.close()


async def _read(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    found = re.search(r"^content-length: *(\d+)", head, re.IGNORECASE | re.MULTILINE)
    length = int(found[1]) if found else 0
    if length > _MAX_BODY:
        raise ValueError("the request is too large")
    return head, await reader.readexactly(length)


def _http(status: HTTPStatus, answer: object) -> bytes:
    body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


async def _respond(host: EapiHost, number: int, head: str, body: bytes) -> tuple[HTTPStatus, object]:
    line = head.partition("\r\n")[0].split()
    if not _is_authorised(host, number, head):
        return HTTPStatus.UNAUTHORIZED, "Unable to authenticate user: Bad username/password combination"
    if line[:2] != ["POST", PATH]:
        return HTTPStatus.NOT_FOUND, "Not found"
    try:
        request = json.loads(body)
        params = request["params"]
        commands = [each if isinstance(each, dict) else {"cmd": str(each)} for each in params["cmds"]]
    except (ValueError, KeyError, TypeError):
        return HTTPStatus.OK, {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"}}
    answer = await _Runner(host, number).run(commands, str(params.get("format", "json")))
    return HTTPStatus.OK, {"jsonrpc": "2.0", "id": request.get("id"), **answer}


def _is_authorised(host: EapiHost, number: int, head: str) -> bool:
    found = re.search(r"^authorization: *basic +(\S+)", head, re.IGNORECASE | re.MULTILINE)
    if found is None:
        return False
    try:
        username, _, password = base64.b64decode(found[1], validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        username = password = ""
    is_right = hmac.compare_digest(username.encode(), host.username.encode()) & hmac.compare_digest(
        password.encode(), host.password.encode()
    )
    accepted = bool(is_right) and not host.faults.refuse_login
    host.journal.event(number, "auth", username=username, result="accepted" if accepted else "refused")
    return accepted


class _Runner:
    """The commands of one request."""

    def __init__(self, host: EapiHost, number: int) -> None:
        self._host = host
        self._number = number
        self._shell = EosShell(host.machine, enable_secret=host.enable_secret)
        self._config_lines = 0

    async def run(self, commands: list[dict[str, Any]], style: str) -> dict[str, Any]:
        """Run them in order and stop at the first that fails, as eAPI does."""
        results: list[Output] = []
        for index, command in enumerate(commands):
            text = str(command.get("cmd", ""))
            try:
                results.append(await self._run_one(text, command.get("input"), style))
            except EosCliError as error:
                message = f"CLI command {index + 1} of {len(commands)} '{text}' failed: {_kind(error)}"
                data = [*results, {"errors": error.errors}]
                return {"error": {"code": _CONVERTED, "message": message, "data": data}}
        return {"result": results}

    async def _run_one(self, command: str, given: str | None, style: str) -> Output:
        host, shell = self._host, self._shell
        if host.faults.latency_s:
            await asyncio.sleep(host.faults.latency_s)
        host.machine.tick()
        mode, is_config = shell.mode, shell.in_config
        shown = command if command != "enable" else "enable"
        if host.faults.hang or (host.faults.hang_at and re.search(host.faults.hang_at, command)):
            host.journal.line(self._number, mode, shown, "hung")
            await asyncio.Event().wait()
        try:
            output, result = self._faulty(command, is_config), "ignored"
            if output is None:
                output, result = shell.execute(command, given, style), "ok"
        except EosCliError as error:
            host.journal.line(self._number, mode, shown, error.result)
            raise
        host.journal.line(self._number, mode, shown, result)
        self._maybe_drop(command, is_config)
        return self._cut(output, is_config)

    def _faulty(self, command: str, is_config: bool) -> Output | None:
        faults = self._host.faults
        if not is_config:
            return None
        if faults.reject and re.search(faults.reject, command):
            raise EosCliError([f"Invalid input (at token 0: {command.split(maxsplit=1)[0]!r})"], "rejected")
        return {} if faults.ignore and re.search(faults.ignore, command) else None

    def _maybe_drop(self, command: str, is_config: bool) -> None:
        faults = self._host.faults
        self._config_lines += is_config
        limit = faults.drop_after_config_lines
        due = (is_config and limit and self._config_lines >= limit) or (
            faults.drop_at and re.search(faults.drop_at, command)
        )
        if self._host.is_cut_off():
            raise DropError
        if not due:
            return
        if faults.drop_times:
            faults.drop_times -= 1
            if not faults.drop_times:
                faults.drop_after_config_lines, faults.drop_at = 0, ""
        raise DropError

    def _cut(self, output: Output, is_config: bool) -> Output:
        limit = self._host.faults.cut_output_after_lines
        if is_config or not limit or "output" not in output:
            return output
        return {"output": "".join(str(output["output"]).splitlines(keepends=True)[:limit])}


def _kind(error: EosCliError) -> str:
    return "invalid command" if error.errors[0].startswith("Invalid input") else "could not run command"
