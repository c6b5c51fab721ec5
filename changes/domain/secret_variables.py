"""Which variables of a change hold secrets: those whose values a template puts where a line has its secret."""

from __future__ import annotations

import re
from collections.abc import Iterable

from audit.secret_names import looks_secret
from devices.domain.redaction import redact

_EXPRESSION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_ALIAS = re.compile(r"\{%-?\s*(?:for|set)\s+([\w\s,]+?)\s*(?:\bin\b|=)(.*?)%\}", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]\w*")
_NO_KEY = b"only where masks stand is asked here, not what they are"


def secret_variables(content: str, names: Iterable[str]) -> frozenset[str]:
    """The names among ``names`` that are secret by their look, or by where the template uses them.

    In ``snmp-server community {{ shared }} RO`` the variable ``shared`` is one. Loops and ``set`` are followed.
    """
    names = frozenset(names)
    used = _secret_words(content)
    return frozenset(name for name in names if looks_secret(name) or name in used)


def _secret_words(content: str) -> frozenset[str]:
    expressions = [found[1] for found in _EXPRESSION.finditer(content)]
    numbers = iter(range(len(expressions)))
    marked = redact(_EXPRESSION.sub(lambda _found: _mark(next(numbers)), content), key=_NO_KEY)
    secret = {
        word
        for number, expression in enumerate(expressions)
        if _mark(number) not in marked
        for word in _WORD.findall(expression)
    }
    aliases = [(_WORD.findall(found[1]), _WORD.findall(found[2])) for found in _ALIAS.finditer(content)]
    for _round in aliases:
        for targets, sources in aliases:
            if not secret.isdisjoint(targets):
                secret.update(sources)
    return frozenset(secret)


def _mark(number: int) -> str:
    """Text that stands for an expression's value; like no word of a configuration."""
    return f"zq{number}qz"
