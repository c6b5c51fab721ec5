"""The dialogue with a command line: what was answered, and in which mode the device waits.

A prompt alone proves nothing: descriptions and banners may look like one. So an answer begins after the echo of what
was sent, and ends at the device's own prompt at the very end of what arrived; for outputs that hold other people's
text it ends after the echo of a comment with a random mark, which is sent right behind the command.
"""

import re
import secrets
import time
from dataclasses import dataclass
from typing import Final, Literal

from netmiko.exceptions import ReadException

from devices.drivers.channel import WaitingChannel
from devices.errors import ConnectionLostError, DeviceTimeoutError

Waiting = Literal["user", "exec", "config", "question", "password", "text"]

_PROMPT_LINE: Final = re.compile(r"(?:^|\n)(?P<prompt>(?P<name>[^\s()>#]+)(?:\([^()\n]+\))?[>#]) ?\Z")
_CHASSIS: Final = r"\{[a-z]+:?[^}\n]*\}"
_SETTLED: Final = re.compile(rf"(?:^|\n)(?P<prompt>(?P<name>[^\s()>#]+)[>#]) ?\n+(?:{_CHASSIS}\n+)?(?P=prompt) ?\Z")
_QUESTION: Final = re.compile(
    r"(?:\[(?:confirm|yes/no|yes|no|y/n)\]|\(y/n\)(?: ?\[[yn]\])?|\? \[[^\]\n]*\]|\[[^\]\n]*\]\?"
    r"|\[yes,no\] \((?:yes|no)\)|\(yes/no/cancel\)\? ?\[[a-z]+\])[:?]? ?\Z",
    re.IGNORECASE,
)
_PASSWORD: Final = re.compile(r"(?:^|\n)[^\n]*password: ?\Z", re.IGNORECASE)
_TEXT_WANTED: Final = re.compile(r"End with the character '(?P<end>[^\n]+)'\.|Type '(?P<word>EOF)' on its own line")
_TAIL: Final = 600
_NOTHING: Final = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a platform's command line talks where platforms differ.

    `mark` begins a line that does nothing. In configuration prompts the hostname is cut at `name_length`.
    `config_end`: a prompt that ends so is configuration mode, whatever stands in it. `lead` and `trail` match what
    stands before and behind every answer and is no part of it. `quotes_help`: a question mark is typed after Ctrl-V.
    """

    mark: str = "!"
    name_length: int = 20
    config_end: str = ""
    lead: re.Pattern[str] = _NOTHING
    trail: re.Pattern[str] = _NOTHING
    quotes_help: bool = True

    def mode(self, prompt: str) -> "Waiting":
        """What a prompt says."""
        if self.config_end:
            return "config" if prompt.endswith(self.config_end) else "exec"
        if prompt.endswith(">"):
            return "user"
        return "config" if "(" in prompt else "exec"

    def typed(self, line: str) -> str:
        """Command lines show help at a question mark unless Ctrl-V goes before it."""
        return line.replace("?", "\x16?") if self.quotes_help else line

    def bare(self, text: str) -> str:
        """An answer alone."""
        # to look for nothing takes as long as to look for something
        text = text if self.lead is _NOTHING else self.lead.sub("", text, count=1)
        return text if self.trail is _NOTHING else self.trail.sub("", text, count=1)


IOS_DIALECT: Final = Dialect()
XR_DIALECT: Final = Dialect(
    name_length=31,
    # the time at which a command was taken, printed before its output
    lead=re.compile(r"\A\n?[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d(?:\.\d+)? \S+\n"),
)
JUNOS_DIALECT: Final = Dialect(
    mark="#",
    config_end="#",
    trail=re.compile(
        rf"(?:\n*(?:^|(?<=[\n}}]))(?:\[edit[^\]\n]*\]|{_CHASSIS}|# commit confirmed will be [^\n]*))+\n*\Z"
    ),
    quotes_help=False,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one line, and what the device waits for now.

    "text" means that it reads banner text until `text_end` (a delimiter, or "EOF" alone on a line).
    """

    text: str
    waiting: Waiting
    text_end: str = ""


class Terminal:
    """A command line behind a channel. Not thread-safe; the channel may be closed from elsewhere at any time."""

    def __init__(self, channel: WaitingChannel, *, device: str, dialect: Dialect = IOS_DIALECT) -> None:
        self._channel = channel
        self._device = device
        self._dialect = dialect
        self._name = ""
        self._buffer = ""
        self.waiting: Waiting = "user"

    @property
    def name(self) -> str:
        """The hostname in the device's prompt."""
        return self._name

    def find_prompt(self, timeout_s: float) -> None:
        """Learn the prompt: it is what an empty line brings back, whatever a login banner looks like."""
        deadline = time.monotonic() + timeout_s
        self._wait(_PROMPT_LINE, deadline)
        self._write("\n")
        found = self._wait(_SETTLED, deadline)
        self._name = found["name"]
        self.waiting = self._dialect.mode(found["prompt"])
        self._buffer = ""

    def exchange(self, line: str, timeout_s: float, *, renames: bool = False) -> Answer:
        """Send one line and read until the device waits again. `renames`: the line may change the hostname."""
        deadline = time.monotonic() + timeout_s
        self._write(self._dialect.typed(line) + "\n")
        self._skip_echo(line, deadline)
        return self._answer(deadline, renames=renames)

    def output(self, command: str, timeout_s: float) -> str:
        """The whole output of a command that changes no mode, whatever it contains."""
        deadline = time.monotonic() + timeout_s
        mark = f"{self._dialect.mark}{secrets.token_hex(8)}"
        self._write(f"{self._dialect.typed(command)}\n{mark}\n")
        self._skip_echo(command, deadline)
        cut = re.escape(self._name[: self._dialect.name_length])
        marked = re.compile(rf"(?:^|\n)(?:{re.escape(self._name)}|{cut})(?:\([^()\n]+\))?[#>] ?{mark}")
        parts = [self._buffer]
        while marked.search("".join(parts[-2:])[-_TAIL:]) is None:
            received = self._receive(deadline)
            # small packets are put together, so that the mark is never spread over more than two parts
            parts = [*parts[:-1], parts[-1] + received] if len(parts[-1]) < _TAIL else [*parts, received]
        text = "".join(parts)
        found = next(marked.finditer(text, max(0, len(text) - 2 * _TAIL)))
        self._buffer = text[found.end() :]
        self._answer(deadline)
        # a terminal that echoes what is typed ahead shows the mark once more, somewhere in the output
        output = text[: found.start()].replace(f"{mark}\n", "").removeprefix("\n")
        return self._dialect.bare(output)

    def text_line(self, line: str, timeout_s: float, *, ends: bool) -> Answer:
        """Send one line of banner text; `ends`: it holds the end mark, so that a prompt follows."""
        deadline = time.monotonic() + timeout_s
        self._write(line + "\n")
        self._skip_echo(line, deadline)
        if ends:
            return self._answer(deadline)
        while "\n" not in self._buffer:
            self._buffer += self._receive(deadline)
        self._buffer = self._buffer.partition("\n")[2]
        return Answer("", "text")

    def secret(self, value: str, timeout_s: float) -> Answer:
        """Answer a password question; the device does not echo it."""
        deadline = time.monotonic() + timeout_s
        self._write(value + "\n")
        return self._answer(deadline)

    def reply(self, value: str, timeout_s: float, *, renames: bool = False) -> Answer:
        """Answer another question of the device, with or without echo. `renames`: it may change the hostname."""
        deadline = time.monotonic() + timeout_s
        self._write(value + "\n")
        return self._answer(deadline, renames=renames)

    def _answer(self, deadline: float, *, renames: bool = False) -> Answer:
        while True:
            answer = self._complete(renames=renames)
            if answer is not None:
                self.waiting = answer.waiting
                self._buffer = ""
                return answer
            self._buffer += self._receive(deadline)

    def _complete(self, *, renames: bool) -> Answer | None:
        """The answer, if the device waits for input again."""
        tail = self._buffer[-_TAIL:]
        prompt = _PROMPT_LINE.search(tail)
        if prompt and (renames or self._is_own(prompt["name"])):
            if renames or len(prompt["name"]) > len(self._name):
                self._name = prompt["name"]
            text = self._buffer[: len(self._buffer) - len(tail) + prompt.start()]
            return Answer(self._dialect.bare(text).strip("\n"), self._dialect.mode(prompt["prompt"]))
        wanted = _TEXT_WANTED.search(tail)
        if wanted and self._buffer.endswith("\n"):
            return Answer(self._buffer, "text", text_end=wanted["end"] or wanted["word"])
        if _QUESTION.search(tail):
            return Answer(self._dialect.bare(self._buffer).strip("\n"), "question")
        if _PASSWORD.search(tail):
            return Answer(self._buffer.strip("\n"), "password")
        return None

    def _is_own(self, name: str) -> bool:
        """Whether a prompt shows the device's name, perhaps cut; a new name may so far be known in part."""
        length = self._dialect.name_length
        return name == self._name or (length in (len(name), len(self._name)) and name[:length] == self._name[:length])

    def _skip_echo(self, line: str, deadline: float) -> None:
        while (at := self._buffer.find(line)) < 0 or len(self._buffer) == at + len(line):
            self._buffer += self._receive(deadline)
        self._buffer = self._buffer[at + len(line) :]

    def _wait(self, pattern: re.Pattern[str], deadline: float) -> re.Match[str]:
        while (found := pattern.search(self._buffer[-_TAIL:])) is None:
            self._buffer += self._receive(deadline)
        return found

    def _write(self, text: str) -> None:
        try:
            self._channel.write_channel(text)
        except (OSError, EOFError) as error:
            raise self._lost() from error

    def _receive(self, deadline: float) -> str:
        try:
            received = self._channel.receive(deadline - time.monotonic())
        except (ReadException, OSError, EOFError) as error:
            raise self._lost() from error
        if not received and time.monotonic() >= deadline:
            raise DeviceTimeoutError("The device did not answer in time.", device=self._device)
        # NUL is padding on a terminal, and PostgreSQL stores no text that holds it
        return received.replace("\x00", "").replace("\r\n", "\n").replace("\r", "")

    def _lost(self) -> ConnectionLostError:
        return ConnectionLostError("The session ended while it was in use.", device=self._device)
