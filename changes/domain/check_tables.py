"""Tables by TextFSM: the named templates that ntc-templates ships, and no others. A template is a program."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Final

from textfsm import TextFSM, TextFSMError

_NAME: Final = re.compile(r"[a-z0-9_-]{1,120}")


class UnreadableTableError(ValueError):
    """The template cannot read this output; the message is a sentence."""


def knows_template(name: str) -> bool:
    """Whether ntc-templates ships a template of that name, such as ``cisco_ios_show_ip_bgp_summary``."""
    return bool(_NAME.fullmatch(name)) and _file(name).is_file()


def template_names() -> tuple[str, ...]:
    """Every template there is, sorted."""
    folder = files("ntc_templates").joinpath("templates")
    return tuple(sorted(one.name.removesuffix(".textfsm") for one in folder.iterdir() if one.name.endswith(".textfsm")))


def columns_of(name: str) -> tuple[str, ...]:
    """The columns of a template, in lower case."""
    return tuple(column.lower() for column in TextFSM(io.StringIO(_text(name))).header)


def read_table(name: str, output: str) -> list[Mapping[str, str]]:
    """The rows that the template reads. No row is fine where the output is empty, and unreadable otherwise.

    Raises:
        UnreadableTableError: the template stops at a line, or finds nothing in an output that holds something.
    """
    reader = TextFSM(io.StringIO(_text(name)))
    try:
        rows = reader.ParseText(output)
    except TextFSMError as error:
        raise UnreadableTableError(f"The template {name} does not understand a line of the output.") from error
    if not rows and output.strip():
        raise UnreadableTableError(
            f"The template {name} found no row in the output, so nobody can tell whether there is none."
        )
    names = [column.lower() for column in reader.header]
    return [dict(zip(names, map(_cell, row), strict=True)) for row in rows]


def _cell(value: str | Sequence[object]) -> str:
    return value if isinstance(value, str) else ", ".join(map(str, value))


def _file(name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - importlib names the type differently by version
    return files("ntc_templates").joinpath("templates", f"{name}.textfsm")


@lru_cache(maxsize=64)
def _text(name: str) -> str:
    return str(_file(name).read_text())
