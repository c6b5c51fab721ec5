"""Rules that the code itself has to keep, read from its syntax."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
APPS = ("audit", "changes", "devices", "portal")
LEVELS = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})
HOLDERS = frozenset(
    {"credential", "credentials", "endpoint", "retrieved", "password", "enable_secret", "secret", "token"}
)


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax of every module, read once."""
    paths = sorted(path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(), str(path)) for path in paths}


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def called(call: ast.Call) -> str:
    """The last word of what is called: ``ConnectHandler`` of ``netmiko.ConnectHandler``."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def loose_connections(tree: ast.AST) -> list[int]:
    """Lines that open a netmiko connection which would take any host key, and send the password to it."""
    return [
        call.lineno
        for call in calls(tree)
        if called(call) in {"ConnectHandler", "ConnLogOnly", "ConnUnify"}
        and not any(
            word.arg == "ssh_strict" and isinstance(word.value, ast.Constant) and word.value.value is True
            for word in call.keywords
        )
    ]


def is_log_call(call: ast.Call) -> bool:
    target = call.func
    if not isinstance(target, ast.Attribute) or target.attr not in LEVELS:
        return False
    owner = target.value
    name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
    return "log" in name.lower() or (isinstance(owner, ast.Call) and called(owner) == "getLogger")


def logged_secrets(tree: ast.AST) -> list[int]:
    """Lines whose logger call has a credential, or what holds one, among its arguments."""
    return [call.lineno for call in calls(tree) if is_log_call(call) and any(map(holds_secret, arguments(call)))]


def arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(word.value for word in call.keywords)]


def holds_secret(value: ast.expr) -> bool:
    """Whether an argument is a credential; its username and other plain attributes are none."""
    if isinstance(value, ast.Attribute):
        return value.attr in HOLDERS
    if isinstance(value, ast.Name):
        return value.id in HOLDERS
    return any(holds_secret(child) for child in ast.iter_child_nodes(value) if isinstance(child, ast.expr))


@pytest.mark.parametrize("rule", [loose_connections, logged_secrets])
def test_the_product_keeps_the_rule(rule: object) -> None:
    found = {path: rule(tree) for path, tree in modules().items()}  # type: ignore[operator]
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "code",
    [
        "ConnectHandler(host='x')",
        "netmiko.ConnectHandler(host='x', ssh_strict=False)",
        "ConnectHandler(host='x', ssh_strict=strict)",
        "ConnectHandler(**options)",
    ],
)
def test_a_loose_connection_is_found(code: str) -> None:
    assert loose_connections(ast.parse(code)) == [1]
    assert loose_connections(ast.parse("ConnectHandler(host='x', ssh_strict=True)")) == []


@pytest.mark.parametrize(
    "code",
    [
        "logger.info('%s', credential)",
        "logging.getLogger('x').error('%s', endpoint.credential)",
        "self._log.warning(f'with {credential.password}')",
        "logger.error('x', extra={'c': retrieved})",
    ],
)
def test_a_logged_credential_is_found(code: str) -> None:
    assert logged_secrets(ast.parse(code)) == [1]
    assert logged_secrets(ast.parse("logger.info('%s', endpoint.name)")) == []


def test_the_rules_look_at_the_real_connection() -> None:
    tree = modules()["devices/drivers/connection.py"]
    assert [called(call) for call in calls(tree)].count("ConnectHandler") == 1
