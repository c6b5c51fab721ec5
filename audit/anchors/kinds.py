"""The five kinds of anchors."""

import http.client
import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.core.mail import EmailMessage

from audit.anchors.protocols import Anchor
from audit.anchors.specification import AnchorSpecification
from audit.checkpoints import TreeHead
from audit.errors import AnchorError
from audit.notes import NOTE_LIMIT, Note

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


@dataclass(frozen=True)
class FileAnchor:
    """A file that only grows: one note after the other, an empty line behind each.

    It is worth what its place is worth: a write-once volume, or a share of other people.
    """

    path: Path

    def publish(self, checkpoint: str) -> None:
        """Append the note and wait until it is on disk. A line that was cut short is ended first.

        Raises:
            AnchorError: the file cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - 2))
                whole = file.read() == b"\n\n" or size == 0
                file.write(b"" if whole else b"\n\n")
                file.write(f"{checkpoint}\n".encode())
                os.fsync(file.fileno())
        except OSError as error:
            raise AnchorError(f"{self.path} cannot be written ({error.strerror}).") from None

    def checkpoints(self) -> Iterator[str]:
        """The notes in the file; a piece that was cut short is passed over.

        Raises:
            AnchorError: the file cannot be read.
        """
        try:
            with self.path.open(encoding="utf-8") as file:
                paragraphs = _paragraphs(file)
                yield from (f"{text}\n\n{signatures}\n" for text, signatures in _pairs(paragraphs))
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise AnchorError(f"{self.path} cannot be read ({reason}).") from None


def _paragraphs(lines: Iterator[str]) -> Iterator[str]:
    paragraph: list[str] = []
    for line in lines:
        text = line.rstrip("\n")
        if text:
            paragraph.append(text)
        elif paragraph:
            yield "\n".join(paragraph)
            paragraph = []
    if paragraph:
        yield "\n".join(paragraph)


def _pairs(paragraphs: Iterator[str]) -> Iterator[tuple[str, str]]:
    """A text followed by its signatures."""
    text = ""
    for paragraph in paragraphs:
        if text and paragraph.startswith("\u2014 "):
            yield text, paragraph
            text = ""
        else:
            text = paragraph


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
        file = self.repository / self.FILE
        if not (self.repository / ".git").exists() and not (self.repository / "HEAD").exists():
            raise AnchorError(f"{self.repository} is no git repository: make one there with `git init`.")
        try:
            file.write_text(checkpoint, encoding="utf-8")
        except OSError as error:
            raise AnchorError(f"{file} cannot be written ({error.strerror}).") from None
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
        if not self._git("rev-list", "-n", "1", "--all", "--", self.FILE):
            return
        for commit in self._git("rev-list", "--reverse", "HEAD", "--", self.FILE).split():
            yield self._git("show", f"{commit}:{self.FILE}")

    def _git(self, *arguments: str) -> str:
        # Nothing of the operator's own settings may ask for a password or start an editor.
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "LC_ALL": "C.UTF-8"}
        who = ["-c", "user.name=countersign", "-c", "user.email=countersign@localhost", "-c", "commit.gpgSign=false"]
        try:
            done = subprocess.run(
                ["git", *who, "-C", str(self.repository), *arguments],  # noqa: S607 - the operator's git
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=2 * TIMEOUT_S,
                env=environment,
            )
        except (OSError, subprocess.TimeoutExpired):
            raise AnchorError("git cannot be run, or did not end within half a minute.") from None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["it gave no reason"]
            raise AnchorError(f"git {arguments[0]} failed in {self.repository}: {lines[-1]}")
        return done.stdout


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

    def _ask(self, method: str, body: str | None) -> str:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        connection = (
            http.client.HTTPSConnection(host, parts.port, timeout=TIMEOUT_S, context=ssl.create_default_context())
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT_S)
        )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            headers = {"Content-Type": "text/plain; charset=utf-8"} if body else {}
            connection.request(method, path, body.encode() if body else None, headers)
            answer = connection.getresponse()
            text = answer.read(NOTE_LIMIT).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise AnchorError(f"{host} does not answer ({type(error).__name__}).") from None
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise AnchorError(f"{host} answered {answer.status}.")
        return text
