"""The five kinds of anchors."""

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.core.mail import EmailMessage

from audit.anchors.files import FileAnchor, reason_of, refuse_what_is_no_file, write_all
from audit.anchors.protocols import Anchor, Newest
from audit.anchors.specification import AnchorSpecification
from audit.checkpoints import TreeHead
from audit.errors import AnchorError
from audit.notes import NOTE_LIMIT, Note

__all__ = ["FileAnchor", "GitAnchor", "HttpAnchor", "MailAnchor", "SyslogAnchor", "make_anchor", "newest_anchors"]

TIMEOUT_S = 15.0
_SYSLOG_NOTICE = 13 * 8 + 5  # facility "log audit", severity "notice" (RFC 5424, section 6.2.1)


def make_anchor(specification: AnchorSpecification) -> Anchor:
    """The anchor that a specification describes."""
    target = specification.target
    match specification.kind:
        case "file":
            return FileAnchor(Path(target))
        case "git":
            return GitAnchor(Path(target))
        case "syslog":
            return SyslogAnchor(target)
        case "mailto":
            return MailAnchor(target)
        case _:
            return HttpAnchor(target)


def newest_anchors(specifications: Iterable[AnchorSpecification]) -> dict[str, Newest]:
    """By name, those of the anchors that tell what they were given last."""
    made = {specification.name: make_anchor(specification) for specification in specifications}
    return {name: anchor for name, anchor in made.items() if isinstance(anchor, Newest)}


@dataclass(frozen=True)
class GitAnchor:
    """A file ``checkpoint`` in a git repository: a commit for each, pushed where the branch has an upstream."""

    repository: Path
    FILE = "checkpoint"

    def publish(self, checkpoint: str) -> None:
        """Commit, and push if there is where to.

        Raises:
            AnchorError: git refuses; the message is its last line.
        """
        head = TreeHead.parse(Note.parse(checkpoint).text)
        self._refuse_a_strangers_repository()
        file = self.repository / self.FILE
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(file, flags, 0o644)
            try:
                refuse_what_is_no_file(file, descriptor)
                write_all(descriptor, checkpoint.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise AnchorError(f"{file} cannot be written ({reason_of(error)}).") from None
        self._git("add", "--", self.FILE)
        if self._git("status", "--porcelain", "--", self.FILE):
            self._git("commit", "--quiet", "-m", f"{head.origin}: {head.size} entries", "--", self.FILE)
        if self._git("for-each-ref", "--format=%(upstream)", self._git("symbolic-ref", "HEAD").strip()).strip():
            self._git("push", "--quiet")

    def checkpoints(self) -> Iterator[str]:
        """What each commit of the file held.

        Raises:
            AnchorError: git cannot read it.
        """
        self._refuse_a_strangers_repository()
        if not self._git("rev-list", "-n", "1", "--all", "--", self.FILE):
            return
        for commit in self._git("rev-list", "--reverse", "HEAD", "--", self.FILE).split():
            yield self._git("show", f"{commit}:{self.FILE}")

    def newest(self) -> str:
        """What the last commit of the file held; empty before the first.

        Raises:
            AnchorError: git cannot read it.
        """
        self._refuse_a_strangers_repository()
        commit = self._git("rev-list", "-n", "1", "--all", "--", self.FILE).strip()
        return self._git("show", f"{commit}:{self.FILE}") if commit else ""

    def _refuse_a_strangers_repository(self) -> None:
        """What stands in a repository's settings and hooks runs as who uses it, and that is who holds the key."""
        if not (self.repository / ".git").exists() and not (self.repository / "HEAD").exists():
            raise AnchorError(f"{self.repository} is no git repository: make one there with `git init`.")
        settings = self.repository / ".git" if (self.repository / ".git").exists() else self.repository
        for path in (settings, settings / "config", settings / "hooks"):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise AnchorError(f"{path} cannot be read ({error.strerror}).") from None
            if status.st_uid not in {os.geteuid(), 0} or status.st_mode & 0o022:
                raise AnchorError(
                    f"{path} can be written by others, who could run programs as the user of this process through it:"
                    " make it this user's alone with `chown` and `chmod go-w`, and let the others have a clone."
                )

    def _git(self, *arguments: str) -> str:
        # Nothing of the operator's own settings may ask for a password or start an editor.
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "LC_ALL": "C.UTF-8"}
        who = ["-c", "user.name=countersign", "-c", "user.email=countersign@localhost", "-c", "commit.gpgSign=false"]
        # A checkpoint is one small file: no program of the repository's has a part in it.
        plain = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never"]
        return _output(["git", *who, *plain, "-C", str(self.repository), *arguments], environment, arguments[0])


def _output(command: list[str], environment: dict[str, str], what: str) -> str:
    """What a program of git's says. Programs that it has started itself are ended with it, when the time is over."""
    try:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
            start_new_session=True,
        ) as running:
            try:
                output, said = running.communicate(timeout=2 * TIMEOUT_S)
            except BaseException:
                with suppress(ProcessLookupError):
                    os.killpg(running.pid, signal.SIGKILL)
                raise
    except (OSError, subprocess.TimeoutExpired):
        raise AnchorError("git cannot be run, or did not end within half a minute.") from None
    if running.returncode:
        lines = said.strip().splitlines() or ["it gave no reason"]
        raise AnchorError(f"git {what} failed in {command[command.index('-C') + 1]}: {lines[-1][:500]}")
    return output


@dataclass(frozen=True)
class SyslogAnchor:
    """The system's log, or another host's by UDP (RFC 5424). The note stands in one line, as a JSON string."""

    url: str

    def publish(self, checkpoint: str) -> None:
        """Send it. UDP does not tell whether it arrived.

        Raises:
            AnchorError: it could not be sent.
        """
        line = f"<{_SYSLOG_NOTICE}>1 - - countersign-audit - checkpoint - {json.dumps(checkpoint)}"
        host, port = urlsplit(self.url).hostname, urlsplit(self.url).port or 514
        try:
            if host is None:
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
                    local.settimeout(TIMEOUT_S)
                    local.connect("/dev/log")
                    local.send(line.encode())
                return
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind, protocol) as remote:
                remote.settimeout(TIMEOUT_S)
                remote.sendto(line.encode(), address)
        except OSError as error:
            raise AnchorError(f"{self.url} did not take it ({error.strerror}).") from None


@dataclass(frozen=True)
class MailAnchor:
    """A mailbox of somebody who keeps e-mails."""

    address: str

    def publish(self, checkpoint: str) -> None:
        """Send the note as an e-mail.

        Raises:
            AnchorError: the mail server refuses.
        """
        head = TreeHead.parse(Note.parse(checkpoint).text)
        message = EmailMessage(
            subject=f"Audit checkpoint of {head.origin}: {head.size} entries",
            body="Keep this message: it shows later that the audit log still begins with the same entries. To compare,"
            f" save the lines below in a file and run `manage.py audit_verify --anchor FILE`.\n\n{checkpoint}",
            to=[self.address],
        )
        try:
            if not message.send():
                raise AnchorError("No e-mail can be sent: set MAIL_URL.")
        except OSError as error:  # smtplib's errors are among them
            raise AnchorError(f"The mail server did not take it ({type(error).__name__}).") from None


@dataclass(frozen=True)
class HttpAnchor:
    """A web server that keeps what is posted to it (``text/plain``), and gives back the newest at the same address."""

    url: str

    def publish(self, checkpoint: str) -> None:
        """POST the note; any 2xx answer means that it was taken.

        Raises:
            AnchorError: another answer, or none.
        """
        self._ask("POST", checkpoint)

    def checkpoints(self) -> Iterator[str]:
        """GET the newest note.

        Raises:
            AnchorError: it cannot be had.
        """
        yield self._ask("GET", None)

    def newest(self) -> str:
        """The same.

        Raises:
            AnchorError: it cannot be had.
        """
        return self._ask("GET", None)

    def _ask(self, method: str, body: str | None) -> str:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        connection = (
            http.client.HTTPSConnection(host, parts.port, timeout=TIMEOUT_S, context=ssl.create_default_context())
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT_S)
        )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        answers: list[tuple[int, str]] = []
        problems: list[str] = []

        def ask() -> None:
            try:
                headers = {"Content-Type": "text/plain; charset=utf-8"} if body else {}
                connection.request(method, path, body.encode() if body else None, headers)
                answer = connection.getresponse()
                answers.append((answer.status, answer.read(NOTE_LIMIT).decode("utf-8", "replace")))
            except Exception as error:  # noqa: BLE001 - whatever a hostile answer leads to
                problems.append(type(error).__name__)
            finally:
                connection.close()

        # The timeout of a socket begins anew with each byte, which a server can send as slowly as it likes.
        asking = threading.Thread(target=ask, name="anchor-call", daemon=True)
        asking.start()
        asking.join(2 * TIMEOUT_S)
        if asking.is_alive():
            _hang_up(connection)
            raise AnchorError(f"{host} did not end its answer within half a minute.")
        if problems:
            raise AnchorError(f"{host} does not answer ({problems[0]}).")
        status, text = answers[0]
        if not 200 <= status < 300:
            raise AnchorError(f"{host} answered {status}.")
        return text


def _hang_up(connection: http.client.HTTPConnection) -> None:
    """End a call from another thread: reading fails at once then."""
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)
