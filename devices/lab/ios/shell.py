"""One CLI session: user, privileged and configuration modes, questions and passwords. No network, no waiting."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from devices.lab.ios import show
from devices.lab.ios.config import ConfigSession
from devices.lab.ios.errors import AmbiguousError, IncompleteError, InvalidInputError, IosError, RefusedError
from devices.lab.ios.exec_rules import PRIVILEGED, USER
from devices.lab.ios.filters import filtered, split_filter
from devices.lab.ios.grammar import Match
from devices.lab.ios.machine import IosMachine

_CONFIG_PROMPT_NAME: Final = 20  # IOS cuts the hostname in configuration prompts
_REMOVES_USER = re.compile(r"\s*no\s+username\s+\S+\s*$", re.IGNORECASE)
_USER_REMOVAL = (
    "This operation will remove all username related configurations with same name.Do you want to continue? [confirm]"
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the device prints for a line, how it took it, and whether the session or the device goes down."""

    text: str = ""
    result: str = "ok"
    closes: bool = False
    reboots: bool = False


@dataclass(frozen=True, slots=True)
class _Question:
    prompt: str
    answer: Callable[[str], Reply]
    hidden: bool = False


class Shell:
    """A session on a machine. `enable_secret` guards the privileged mode; None asks for nothing."""

    def __init__(
        self, machine: IosMachine, *, username: str, privileged: bool, enable_secret: str | None = None
    ) -> None:
        self._machine = machine
        self._username = username
        self._privileged = privileged
        self._secret = enable_secret
        self._config: ConfigSession | None = None
        self._question: _Question | None = None
        self.page_length = 24

    @property
    def mode(self) -> str:
        """user, privileged, question, password, banner, or what stands in the prompt's brackets."""
        if self._question is not None:
            return "password" if self._question.hidden else "question"
        if self._config is not None:
            return "banner" if self._config.in_banner else self._config.prompt
        return "privileged" if self._privileged else "user"

    @property
    def in_config(self) -> bool:
        """Whether a line is a configuration line."""
        return self._config is not None and self._question is None

    @property
    def hides_input(self) -> bool:
        """Whether what is typed must not be echoed or logged."""
        return self._question is not None and self._question.hidden

    @property
    def prompt(self) -> str:
        """What the device shows while it waits; nothing inside a banner."""
        if self._question is not None:
            return self._question.prompt
        name = self._machine.hostname
        if self._config is not None:
            inside = self._config.prompt
            return f"{name[:_CONFIG_PROMPT_NAME]}({inside})#" if inside else ""
        return name + ("#" if self._privileged else ">")

    @property
    def greeting(self) -> str:
        """The banners that are shown before the first prompt."""
        root = self._machine.running.root
        texts = [root.find("banner", kind) for kind in ("motd", "exec")]
        return "".join(f"{entry.tokens[2].removeprefix('^C').removesuffix('^C')}\n" for entry in texts if entry)

    def helps(self, line: str) -> bool:  # noqa: ARG002 - the mode alone decides
        """Whether a bare question mark in this line asks for help."""
        return self.mode not in ("banner", "password", "question")

    def closed(self) -> None:
        """A session that ends leaves nothing behind."""

    def execute(self, line: str) -> Reply:
        """Take one complete line."""
        if self._question is not None:
            question, self._question = self._question, None
            return question.answer(line.strip())
        try:
            return self._configure(line) if self._config is not None else self._exec(line)
        except IosError as error:
            return Reply(self._complaint(error, line), error.result)

    def refusal(self, line: str) -> Reply:
        """What the device prints for a line that it does not understand."""
        column = len(line) - len(line.lstrip())
        return Reply(self._complaint(InvalidInputError(column), line), "invalid")

    def _complaint(self, error: IosError, line: str) -> str:
        if isinstance(error, RefusedError):
            return error.message + "\n"
        if isinstance(error, IncompleteError):
            return "% Incomplete command.\n\n"
        if isinstance(error, AmbiguousError):
            return f'% Ambiguous command:  "{line.strip()}"\n'
        column = error.column if isinstance(error, InvalidInputError) else 0
        if self._config is None and column == 0 and len(line.split()) == 1:
            return (
                "% Bad IP address or host name\n"
                "% Unknown command or computer name, or unable to find computer address\n"
            )
        marker = " " * (len(self.prompt) + column) + "^"
        return f"{marker}\n% Invalid input detected at '^' marker.\n\n"

    def _configure(self, line: str) -> Reply:
        session = self._config
        if session is None:
            return Reply()
        words = line.split(maxsplit=1)
        if words and words[0].lower() == "do" and not session.in_banner:
            return self._exec(words[1]) if len(words) > 1 else self._incomplete()
        if _REMOVES_USER.match(line) and session.prompt == "config":
            return self._ask(_USER_REMOVAL, lambda answer: self._removed_user(line, answer))
        return self._config_line(session, line)

    def _removed_user(self, line: str, answer: str) -> Reply:
        if answer.lower() not in ("", "y") or self._config is None:
            return Reply()
        return self._config_line(self._config, line)

    def _config_line(self, session: ConfigSession, line: str) -> Reply:
        was_banner = session.in_banner
        try:
            remarks = session.execute(line)
        finally:
            if (line.strip() and not line.strip().startswith("!")) or was_banner:
                self._machine.touch(self._username)
        if session.ended:
            self._config = None
        return Reply("".join(f"{remark}\n" for remark in remarks))

    def _incomplete(self) -> Reply:
        raise IncompleteError

    def _exec(self, line: str) -> Reply:
        text = line.strip()
        if not text or text.startswith("!"):
            return Reply()
        command, name, pattern = split_filter(line)
        grammar = PRIVILEGED if self._privileged else USER
        match = grammar.match(command)[0]
        hook = match.rule.hook
        if hook in show.OUTPUTS:
            output = show.OUTPUTS[hook](self._machine, match)
            return Reply(filtered(output, name, pattern) if name else output)
        if name:
            raise InvalidInputError(line.index("|"))
        handler: Callable[[Match], Reply] = getattr(self, f"_do_{hook}")
        return handler(match)

    def _ask(self, prompt: str, answer: Callable[[str], Reply], *, hidden: bool = False) -> Reply:
        self._question = _Question(prompt, answer, hidden)
        return Reply()

    # One method per hook of `exec_rules`; the dispatch above finds them by name.

    def _do_exit(self, _match: Match) -> Reply:
        return Reply(closes=True)

    def _do_disable(self, _match: Match) -> Reply:
        self._privileged = False
        return Reply()

    def _do_enable(self, _match: Match) -> Reply:
        if self._privileged:
            return Reply()
        if self._secret is None:
            self._privileged = True
            return Reply()
        return self._ask("Password: ", self._check_secret, hidden=True)

    def _check_secret(self, given: str) -> Reply:
        self._privileged = given == self._secret
        return Reply() if self._privileged else Reply("% Access denied\n\n", "denied")

    def _do_show_privilege(self, _match: Match) -> Reply:
        return Reply(f"Current privilege level is {15 if self._privileged else 1}\n")

    def _do_show_users(self, _match: Match) -> Reply:
        return Reply(
            f"    Line       User       Host(s)              Idle       Location\n"
            f"*  1 vty 0     {self._username:<10} idle                 00:00:00\n"
        )

    def _do_terminal_length(self, match: Match) -> Reply:
        self.page_length = int(match.tokens[2])
        return Reply()

    def _do_terminal_other(self, _match: Match) -> Reply:
        return Reply()

    def _do_configure(self, _match: Match) -> Reply:
        if self._config is not None:
            raise InvalidInputError(0)
        self._config = self._machine.session()
        return Reply("Enter configuration commands, one per line.  End with CNTL/Z.\n")

    def _do_configure_revert(self, match: Match) -> Reply:
        minutes = int(match.tokens[-1])
        self._machine.arm_revert(minutes, by=self._username)
        entered = self._do_configure(match)
        note = f"Rollback Confirmed Change: Rollback will begin in {minutes} minute(s).\n"
        return Reply(f"{note}{entered.text}")

    def _do_configure_confirm(self, _match: Match) -> Reply:
        if self._machine.revert is None:
            raise RefusedError("%No Rollback Confirmed Change pending")
        self._machine.revert = None
        return Reply()

    def _do_configure_revert_now(self, _match: Match) -> Reply:
        pending = self._machine.revert
        if pending is None:
            raise RefusedError("%No Rollback Confirmed Change pending")
        self._machine.revert = None
        self._machine.replace_running(pending.text, by=self._username)
        return Reply("Rollback Confirmed Change: rolling back\nTotal number of passes: 1\nRollback Done\n")

    def _do_copy_to_running(self, match: Match) -> Reply:
        """Merge a file. The answers to its lines are printed; `no ntp` acts after the other lines, as on a real IOS."""
        text = show.file_text(self._machine, match.tokens[1])

        def copy(answer: str) -> Reply:
            if answer not in ("", "running-config"):
                return Reply("%Error: only running-config is possible here\n", "error")
            printed = self._merge(text)
            self._machine.touch(self._username)
            return Reply(f"{printed}{len(text)} bytes copied in 0.100 secs\n")

        return self._quietly("Destination filename [running-config]? ", copy)

    def _merge(self, text: str) -> str:
        session = self._machine.session()
        lines = [line for line in text.splitlines() if line.strip() != "end"]
        late = [line for line in lines if line.strip() == "no ntp"]
        printed = ""
        for line in [each for each in lines if each not in late] + late:
            try:
                session.execute(line)
            except IosError as error:
                printed += f"{line}\n{self._complaint(error, line)}"
        return printed

    def _do_copy_null(self, match: Match) -> Reply:
        name = match.tokens[2].removeprefix("flash:").lstrip("/")

        def copy(_answer: str) -> Reply:
            self._machine.files[name] = ""
            return Reply("0 bytes copied in 0.100 secs\n")

        return self._quietly(f"Destination filename [{name}]? ", copy)

    def _do_delete(self, match: Match) -> Reply:
        name = match.tokens[-1].removeprefix("flash:").lstrip("/")

        def delete(answer: str) -> Reply:
            if answer.lower() not in ("", "y"):
                return Reply()
            if self._machine.files.pop(name, None) is None:
                return Reply(f"%Error deleting flash:/{name} (No such file or directory)\n", "error")
            return Reply()

        return delete("y") if "/force" in match.tokens else self._ask(f"Delete flash:/{name}? [confirm]", delete)

    def _quietly(self, question: str, answer: Callable[[str], Reply]) -> Reply:
        """Ask, unless `file prompt quiet` is configured."""
        quiet = self._machine.running.root.find("file", "prompt")
        return answer("") if quiet is not None and quiet.tokens[-1] == "quiet" else self._ask(question, answer)

    def _do_configure_replace(self, match: Match) -> Reply:
        text = show.file_text(self._machine, match.tokens[2])

        def replace(answer: str) -> Reply:
            if (answer.lower() or "n") not in ("y", "yes"):
                return Reply()
            if "timer" in match.tokens:
                self._machine.arm_revert(int(match.tokens[-1]), by=self._username)
            self._machine.replace_running(text, by=self._username)
            return Reply("Total number of passes: 1\nRollback Done\n\n")

        if "force" in match.tokens:
            return replace("y")
        return self._ask("Enter Y if you are sure you want to proceed. ? [no]: ", replace)

    def _do_archive_config(self, _match: Match) -> Reply:
        self._machine.archive()
        return Reply()

    def _do_write(self, _match: Match) -> Reply:
        self._machine.save()
        return Reply("Building configuration...\n[OK]\n")

    def _do_write_erase(self, _match: Match) -> Reply:
        def erase(answer: str) -> Reply:
            if answer.lower() not in ("", "y"):
                return Reply()
            self._machine.write_startup("")
            return Reply("[OK]\nErase of nvram: complete\n")

        return self._ask("Erasing the nvram filesystem will remove all configuration files! Continue? [confirm]", erase)

    def _do_copy_startup(self, match: Match) -> Reply:
        def copy(answer: str) -> Reply:
            if answer not in ("", "startup-config"):
                return Reply("%Error: only startup-config is possible here\n", "error")
            try:
                return self._do_write(match)
            except RefusedError as error:
                return Reply(error.message + "\n", error.result)

        return self._quietly("Destination filename [startup-config]? ", copy)

    def _do_copy_file(self, match: Match) -> Reply:
        name = match.tokens[2].removeprefix("flash:").lstrip("/")

        def copy(answer: str) -> Reply:
            if self._machine.disk_full:
                return Reply(f"%Error opening flash:/{name} (No space left on device)\n", "error")
            text = self._machine.running_text()
            self._machine.files[answer or name] = text
            return Reply(f"{len(text)} bytes copied in 0.100 secs\n")

        return self._quietly(f"Destination filename [{name}]? ", copy)

    def _do_reload(self, _match: Match) -> Reply:
        if not self._machine.unsaved:
            return self._confirm_reload("no")
        return self._ask("System configuration has been modified. Save? [yes/no]: ", self._confirm_reload)

    def _confirm_reload(self, answer: str) -> Reply:
        if answer.lower() in ("y", "yes"):
            try:
                self._machine.save()
            except RefusedError as error:
                return Reply(error.message + "\n", error.result)

        def reload(confirmed: str) -> Reply:
            return Reply(reboots=True) if confirmed.lower() in ("", "y") else Reply()

        return self._ask("Proceed with reload? [confirm]", reload)
