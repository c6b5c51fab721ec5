"""What the Junos-like router prints; a command that is not here is refused."""

from datetime import datetime

from devices.lab.junos.machine import VERSION, JunosMachine
from devices.lab.junos.statements import Statements, compare

_BRACES = "error: the lab shows configurations by '| display set' alone\n"


def stamp(moment: datetime) -> str:
    """A time as Junos prints it."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def greeting() -> str:
    """What stands above the first prompt."""
    return f"--- JUNOS {VERSION} (a simulated device of the Countersign lab)\n"


def output(machine: JunosMachine, text: str) -> str | None:
    """The output of an operational command; None for one that is not known."""
    command = text.removesuffix(" | no-more")
    if command.startswith("show configuration"):
        return _configuration(machine.running, command.removeprefix("show configuration"))
    if command == "show version":
        return f"Hostname: {machine.hostname}\nModel: {machine.hardware.model.lower()}\nJunos: {VERSION}\n"
    if command == "show chassis hardware":
        return (
            "Hardware inventory:\n"
            "Item             Version  Part number  Serial number     Description\n"
            f"Chassis                                {machine.serial:<18}{machine.hardware.model}\n"
        )
    if command == "show system uptime":
        return f"Current time: {stamp(machine.clock())}\nTime Source:  LOCAL CLOCK\n"
    if command == "show system commit":
        return _commits(machine)
    return None


def candidate_output(machine: JunosMachine, text: str) -> str | None:
    """The output of `show` in configuration mode; None for what is not known."""
    command = text.removesuffix(" | no-more")
    if command == "show | compare":
        return compare(machine.running, machine.candidate)
    return _configuration(machine.candidate, command.removeprefix("show")) if command.startswith("show") else None


def _configuration(statements: Statements, pipes: str) -> str:
    lines = statements.lines()
    if pipes == " | display set":
        return "".join(f"{line}\n" for line in lines)
    if pipes == " | display set | count":
        return f"Count: {len(lines)} lines\n"
    return _BRACES


def _commits(machine: JunosMachine) -> str:
    rows: list[str] = []
    for number, commit in enumerate(machine.commits):
        timer = f" commit confirmed, rollback in {commit.minutes}mins" if commit.minutes else ""
        rows.append(f"{number:<4}{stamp(commit.at)} by {commit.user} via {commit.client}{timer}")
        rows += [f"    {commit.comment}"] * bool(commit.comment)
        rows += ["    rollback pending"] * (number == 0 and machine.revert_at is not None)
    return "".join(f"{row}\n" for row in rows)
