"""Command lines that behave unlike the lab's, played by a scripted SSH server."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator

import asyncssh
import pytest
from typing_extensions import override

from devices.drivers.base import Credential, Endpoint
from devices.drivers.registry import open_driver
from devices.errors import FactsMissingError, SaveFailedError

pytestmark = pytest.mark.lab
Process = asyncssh.SSHServerProcess[str]
Script = Callable[[Process, str], Awaitable[None]]
CONFIG = "".join(f"interface Loopback{n}\r\n description r1# {'x' * 40}\r\n" for n in range(300)) + "end\r\n"


class AnyPassword(asyncssh.SSHServer):
    def __init__(self, connections: list[asyncssh.SSHServerConnection]) -> None:
        self._connections = connections

    @override
    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connections.append(conn)

    @override
    def begin_auth(self, username: str) -> bool:
        return True

    @override
    def password_auth_supported(self) -> bool:
        return True

    @override
    def validate_password(self, username: str, password: str) -> bool:
        return True


@contextlib.contextmanager
def peer(script: Script) -> Iterator[Endpoint]:
    """A server on loopback whose command line is the script: it is called with each line and prints what it likes."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    connections: list[asyncssh.SSHServerConnection] = []

    async def serve(process: Process) -> None:
        process.stdout.write("r1# ")
        with contextlib.suppress(asyncssh.Error, OSError):
            async for line in process.stdin:
                await script(process, line.rstrip("\n"))

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: AnyPassword(connections),
            server_host_keys=[key],
            process_factory=serve,
            line_editor=False,
        )

    async def close(acceptor: asyncssh.SSHAcceptor) -> None:
        acceptor.close()
        for connection in connections:
            connection.abort()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    pinned = " ".join(key.export_public_key("openssh").decode().split()[:2])
    try:
        yield Endpoint("r1", "127.0.0.1", acceptor.get_port(), "cisco_ios", Credential("a", "b"), (pinned,), 5.0, 3.0)
    finally:
        asyncio.run_coroutine_threadsafe(close(acceptor), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_a_terminal_that_echoes_what_is_typed_ahead_breaks_no_output() -> None:
    async def script(process: Process, line: str) -> None:
        process.stdout.write(f"{line}\r\n")
        if line == "show running-config":
            mark = (await process.stdin.readline()).rstrip("\n")
            # the kernel echoes it at once, in the middle of the output, and the shell once more at its prompt
            process.stdout.write(f"{CONFIG[:5000]}{mark}\r\n{CONFIG[5000:]}r1# {mark}\r\n")
        process.stdout.write("r1# ")

    with peer(script) as endpoint, open_driver(endpoint) as driver:
        assert driver.running_config() == CONFIG.replace("\r\n", "\n")


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_an_output_may_arrive_in_any_pieces(size: int) -> None:
    async def script(process: Process, line: str) -> None:
        text = f"{line}\r\n" + (CONFIG[-3000:] if line == "show running-config" else "") + "r1# "
        for start in range(0, len(text), size):
            process.stdout.write(text[start : start + size])
            await asyncio.sleep(0)

    with peer(script) as endpoint, open_driver(endpoint) as driver:
        assert driver.running_config() == CONFIG[-3000:].replace("\r\n", "\n")


def test_a_slow_output_that_shows_the_prompt_in_between_arrives_whole() -> None:
    async def script(process: Process, line: str) -> None:
        process.stdout.write(f"{line}\r\n")
        if line == "show running-config":
            process.stdout.write("banner motd ^C\r\nr1#")
            await asyncio.sleep(0.3)
            process.stdout.write("\r\n^C\r\nend\r\nr1#")
            await asyncio.sleep(0.3)
            process.stdout.write("\r\nntp server 192.0.2.1\r\nend\r\n")
        process.stdout.write("r1# ")

    with peer(script) as endpoint, open_driver(endpoint) as driver:
        assert driver.running_config() == "banner motd ^C\nr1#\n^C\nend\nr1#\nntp server 192.0.2.1\nend\n"


def test_a_save_without_a_word_of_success_is_a_failure() -> None:
    async def script(process: Process, line: str) -> None:
        process.stdout.write(f"{line}\r\nr1# ")

    with peer(script) as endpoint, open_driver(endpoint) as driver:
        with pytest.raises(SaveFailedError, match="no answer"):
            driver.save()
        with pytest.raises(FactsMissingError):
            driver.facts()


def test_an_overwrite_question_while_saving_is_confirmed() -> None:
    async def script(process: Process, line: str) -> None:
        process.stdout.write(f"{line}\r\n")
        if line == "write memory":
            process.stdout.write("Overwrite the previous NVRAM configuration?[confirm]")
            await process.stdin.readline()
            process.stdout.write("\r\nBuilding configuration...\r\n[OK]\r\n")
        process.stdout.write("r1# ")

    with peer(script) as endpoint, open_driver(endpoint) as driver:
        driver.save()
        assert driver.transcript[-1][1].endswith("[OK]")
