"""From the text of a file, YAML or JSON, to a policy. YAML is read in its plain part only.

Plain values are text unless they are whole numbers, ``true``, ``false`` or ``null``: ``no``, ``22:00`` and ``1.5`` stay
what was written. Names given twice, anchors, aliases and tags are refused, because two readers of such a file can see
different things in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

import yaml

from changes.domain.approval_policy.document import ApprovalPolicy
from changes.domain.approval_policy.parsing import parse_policy
from changes.domain.errors import InvalidInputError
from changes.domain.input import shown

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 40

_INTEGER: Final = re.compile(r"-?(?:0|[1-9]\d{0,15})")
_PLAIN: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None, "": None}
_REFUSED: Final = (yaml.AnchorToken, yaml.AliasToken, yaml.TagToken, yaml.DirectiveToken)
_OPENING: Final = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_CLOSING: Final = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)

Lines = dict[str, int]


def read_policy(text: str) -> ApprovalPolicy:
    """Read a policy file. JSON begins with ``{``; anything else is YAML, whose sentences name the line as well.

    Raises:
        InvalidInputError: with sentences under the path of each place; under ``document`` where it is no such text.
    """
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise _refused(f"A policy file has at most {MAX_BYTES:,} bytes.")
    if text.lstrip().startswith("{"):
        return parse_policy(_json(text))
    lines: Lines = {}
    data = _yaml(text, lines)
    try:
        return parse_policy(data)
    except InvalidInputError as error:
        raise InvalidInputError(
            {place: [f"Line {_line(place, lines)}: {found}" for found in each] for place, each in error.fields.items()}
        ) from error


def _json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError as error:
        raise _refused("The file nests too deeply.") from error
    except json.JSONDecodeError as error:
        raise _refused(f"Line {error.lineno}, column {error.colno}: this is not JSON ({error.msg}).") from error
    except ValueError as error:
        raise _refused("The file holds a number with more digits than can be read.") from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value: dict[str, object] = {}
    for name, item in pairs:
        if name in value:
            raise _refused(f'The name "{shown(name)}" stands twice in one object. Keep one of them.')
        value[name] = item
    return value


def _yaml(text: str, lines: Lines) -> object:
    try:
        _plain_part(yaml.scan(text, Loader=yaml.SafeLoader))
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError as error:
        raise _refused("The file nests too deeply.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"Line {mark.line + 1}, column {mark.column + 1}: t" if mark else "T"
        problem = getattr(error, "problem", None) or "a character that YAML does not allow"
        raise _refused(f"{where}his is not YAML ({shown(problem, 120)}).") from error
    if node is None:
        raise _refused("The file is empty.")
    return _value(node, "", lines)


def _plain_part(tokens: Iterable[yaml.Token]) -> None:
    """Stop at the first token that is not of the plain part, before anything is built; the time is bounded as well."""
    depth = 0
    for token in tokens:
        line = token.start_mark.line + 1
        if isinstance(token, _REFUSED):
            raise _refused(f"Line {line}: anchors, aliases, tags and directives are not read. Write the value out.")
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > MAX_DEPTH:
            raise _refused(f"Line {line}: the file nests deeper than {MAX_DEPTH} levels.")


def _value(node: yaml.Node, path: str, lines: Lines) -> object:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, f"{path}[{index}]", lines) for index, item in enumerate(node.value)]
    plain = isinstance(node, yaml.ScalarNode) and not node.style
    return _scalar(node.value) if plain else node.value


def _mapping(node: yaml.MappingNode, path: str, lines: Lines) -> dict[str, object]:
    value: dict[str, object] = {}
    for key, item in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise _refused(f"Line {line}: a name must be a text.")
        if key.value in value:
            raise _refused(f'Line {line}: the name "{shown(key.value)}" stands twice in one object. Keep one of them.')
        below = f"{path}.{key.value}" if path else key.value
        lines[below] = line
        value[key.value] = _value(item, below, lines)
    return value


def _scalar(text: str) -> object:
    if text in _PLAIN:
        return _PLAIN[text]
    return int(text) if _INTEGER.fullmatch(text) else text


def _line(place: str, lines: Lines) -> int:
    """The line of a place, or of the nearest one around it that the file has."""
    path = "" if place == "document" else place
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path, 1)


def _refused(sentence: str) -> InvalidInputError:
    return InvalidInputError({"document": [sentence]})
