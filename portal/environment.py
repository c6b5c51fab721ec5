"""The settings that come from outside, as values; a bad one is refused with one sentence.

The names and their meaning are listed in docs/operations.md.
"""

import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from changes.domain.kpis.targets import Bounds, TargetError, parse_targets

BASE_DIR = Path(__file__).resolve().parents[1]
SECRET_KEY_MIN_LENGTH = 32
_SOCKET = "unix"
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
HOST_PATTERN = re.compile(r"\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\]")


class SettingError(Exception):
    """A setting has a value that cannot be used; the message names it and says what is accepted."""


@dataclass(frozen=True)
class Environment:
    """All outside settings, checked.

    ``database_url`` is empty for the embedded server; ``database_owner_url`` (migrations) and ``database_sealer_url``
    belong to a served one and may be empty too. ``url`` is the address that people use, without a path.
    ``broker_url`` is empty for the queue in PostgreSQL, else Redis's address, which may hold a password.
    """

    home: Path
    database_url: str
    database_owner_url: str
    database_sealer_url: str
    secret_key: str
    url: str
    allowed_hosts: tuple[str, ...]
    broker_url: str
    workers: int
    threads: int
    pin_workers: bool
    device_credentials: str
    debug: bool
    backup_every_s: int
    backup_sessions: int
    hooks_at_once: int
    backup_keep: str
    device_ca_file: str
    device_allow_plain_http: bool
    connect_attempts: int
    retry_base_s: float
    retry_factor: float
    retry_jitter: float
    breaker_credential_failures: int
    breaker_site_failures: int
    breaker_window_s: int
    breaker_cool_down_s: int
    breaker_give_up_s: int
    kpi_targets: Mapping[str, Bounds]
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    trusts_socket: bool

    @property
    def https(self) -> bool:
        """Whether people reach the installation over TLS."""
        return self.url.startswith("https:")


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Read and check every setting.

    Raises:
        SettingError: the first that is wrong.
    """
    home = _home(environ)
    url = _url(environ)
    database_url = _database_url(environ, "DATABASE_URL")
    return Environment(
        home=home,
        database_url=database_url,
        database_owner_url=_second_database_url(environ, "DATABASE_OWNER_URL", database_url),
        database_sealer_url=_second_database_url(environ, "DATABASE_SEALER_URL", database_url),
        secret_key=_secret_key(environ, home),
        url=url,
        allowed_hosts=_allowed_hosts(environ, url),
        broker_url=_broker_url(environ),
        workers=_whole_number(environ, "COUNTERSIGN_WORKERS", default=2, lowest=1, highest=64),
        threads=_whole_number(environ, "COUNTERSIGN_THREADS", default=8, lowest=1, highest=64),
        pin_workers=_switch(environ, "COUNTERSIGN_PIN_WORKERS"),
        device_credentials=_device_credentials(environ, home),
        debug=_switch(environ, "COUNTERSIGN_DEBUG"),
        backup_every_s=_whole_number(
            environ, "COUNTERSIGN_BACKUP_EVERY_S", default=86_400, lowest=0, highest=31 * 86_400
        ),
        backup_sessions=_whole_number(environ, "COUNTERSIGN_BACKUP_SESSIONS", default=16, lowest=1, highest=512),
        hooks_at_once=_whole_number(environ, "COUNTERSIGN_HOOKS_AT_ONCE", default=4, lowest=1, highest=32),
        backup_keep=_backup_keep(environ),
        device_ca_file=_device_ca_file(environ),
        device_allow_plain_http=_switch(environ, "DEVICE_ALLOW_PLAIN_HTTP"),
        connect_attempts=_whole_number(environ, "DEVICE_CONNECT_ATTEMPTS", default=3, lowest=1, highest=10),
        retry_base_s=_number(environ, "DEVICE_RETRY_BASE_S", default=1.0, lowest=0, highest=60),
        retry_factor=_number(environ, "DEVICE_RETRY_FACTOR", default=2.0, lowest=1, highest=10),
        retry_jitter=_number(environ, "DEVICE_RETRY_JITTER", default=0.2, lowest=0, highest=1),
        breaker_credential_failures=_whole_number(
            environ, "COUNTERSIGN_BREAKER_CREDENTIAL_FAILURES", default=3, lowest=0, highest=100
        ),
        breaker_site_failures=_whole_number(
            environ, "COUNTERSIGN_BREAKER_SITE_FAILURES", default=5, lowest=0, highest=1000
        ),
        breaker_window_s=_whole_number(environ, "COUNTERSIGN_BREAKER_WINDOW_S", default=300, lowest=1, highest=86_400),
        breaker_cool_down_s=_whole_number(
            environ, "COUNTERSIGN_BREAKER_COOL_DOWN_S", default=60, lowest=1, highest=3600
        ),
        breaker_give_up_s=_whole_number(
            environ, "COUNTERSIGN_BREAKER_GIVE_UP_S", default=900, lowest=0, highest=86_400
        ),
        kpi_targets=_kpi_targets(environ),
        trusted_proxies=_trusted_proxies(environ),
        trusts_socket=_SOCKET in _proxy_words(environ),
    )


def _text(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()


def _kpi_targets(environ: Mapping[str, str]) -> Mapping[str, Bounds]:
    try:
        return parse_targets(_text(environ, "COUNTERSIGN_KPI_TARGETS"))
    except TargetError as error:
        raise SettingError(f"COUNTERSIGN_KPI_TARGETS: {error}") from None


def _trusted_proxies(environ: Mapping[str, str]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    found = []
    for word in _proxy_words(environ):
        if word == _SOCKET:
            continue
        try:
            found.append(ipaddress.ip_network(word))
        except ValueError:
            raise SettingError(
                f"COUNTERSIGN_TRUSTED_PROXIES has {word!r}: give addresses or networks of your proxies, separated by"
                " commas, such as 127.0.0.1,10.0.0.0/24, or `unix` for a proxy on the web server's socket."
            ) from None
    return tuple(found)


def _proxy_words(environ: Mapping[str, str]) -> list[str]:
    return [word.strip() for word in _text(environ, "COUNTERSIGN_TRUSTED_PROXIES").split(",") if word.strip()]


def _home(environ: Mapping[str, str]) -> Path:
    value = _text(environ, "COUNTERSIGN_HOME")
    home = Path(value).expanduser().absolute() if value else BASE_DIR / "var"
    if home.exists() and not home.is_dir():
        raise SettingError(f"COUNTERSIGN_HOME is {home}, which is a file: name a folder.")
    return home


def _broker_url(environ: Mapping[str, str]) -> str:
    value = _text(environ, "COUNTERSIGN_BROKER")
    if value in {"", "orm"}:
        return ""
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        good = good and re.fullmatch(r"/?|/\d+", parts.path) is not None and not parts.query and not parts.fragment
    except ValueError:
        good = False
    if not good:
        # The value is not repeated: it may hold a password.
        raise SettingError(
            "COUNTERSIGN_BROKER must be `orm` (the queue in PostgreSQL, the default) or look like"
            " redis://user:password@host:6379/0, or rediss: for TLS; special characters percent-encoded."
        )
    if find_spec("redis") is None:
        raise SettingError(
            "COUNTERSIGN_BROKER names Redis, whose client is not installed: run `requirements/install.sh redis`,"
            " or leave it unset for the queue in PostgreSQL."
        )
    return value


def _url(environ: Mapping[str, str]) -> str:
    value = _text(environ, "COUNTERSIGN_URL") or "http://127.0.0.1:8000"
    try:
        parts = urlsplit(value)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_good = urlsplit(""), False
    plain = parts.path in {"", "/"} and not parts.query and not parts.fragment and "@" not in parts.netloc
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_good or not plain:
        raise SettingError(
            f"COUNTERSIGN_URL is {value!r}: give the address that people use, such as https://change.example.net."
        )
    return f"{parts.scheme}://{parts.netloc}"


def _database_url(environ: Mapping[str, str], name: str) -> str:
    value = _text(environ, name)
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        named = bool(parts.path.strip("/")) and (parts.port is None or parts.port > 0)
    except ValueError:
        parts, named = urlsplit(""), False
    if parts.scheme not in {"postgres", "postgresql"} or not named:
        # The value is not repeated: it may hold a password.
        raise SettingError(
            f"{name} must look like postgresql://user:password@host:5432/name (PostgreSQL 15 or newer; "
            "special characters percent-encoded); leave it unset for the embedded server."
        )
    return value


def _second_database_url(environ: Mapping[str, str], name: str, database_url: str) -> str:
    """Another login of the same served database."""
    value = _database_url(environ, name)
    if value and not database_url:
        raise SettingError(
            f"{name} is set without DATABASE_URL: set both for a served PostgreSQL; the embedded one needs neither."
        )
    if value and urlsplit(value).path != urlsplit(database_url).path:
        raise SettingError(f"{name} names another database than DATABASE_URL: give another login of the same one.")
    return value


def _secret_key(environ: Mapping[str, str], home: Path) -> str:
    value = _text(environ, "SECRET_KEY")
    if not value:
        return _kept_secret_key(home)
    if len(value) < SECRET_KEY_MIN_LENGTH:
        raise SettingError(
            f"SECRET_KEY has {len(value)} characters: use at least {SECRET_KEY_MIN_LENGTH} random ones, "
            "or leave it unset to have one made and kept in COUNTERSIGN_HOME."
        )
    return value


def _kept_secret_key(home: Path) -> str:
    """The key in ``home/secret_key``, made at the first start; processes that start at once agree on one."""
    path = home / "secret_key"
    try:
        if not path.exists():
            home.mkdir(parents=True, exist_ok=True)
            _write_once(path, secrets.token_urlsafe(48))
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise SettingError(
            f"Cannot keep the secret key in {path} ({reason}): "
            "make the folder writable, or set COUNTERSIGN_HOME to another."
        ) from None
    if len(key) < SECRET_KEY_MIN_LENGTH:
        raise SettingError(f"{path} holds no usable secret key: remove the file to have a new one made.")
    return key


def _write_once(path: Path, text: str) -> None:
    """Create ``path`` with its whole content at once, readable by its owner only, unless it exists."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{text}\n")
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _allowed_hosts(environ: Mapping[str, str], url: str) -> tuple[str, ...]:
    value = _text(environ, "ALLOWED_HOSTS")
    hosts = tuple(part.strip() for part in value.split(",") if part.strip())
    for host in hosts:
        if not HOST_PATTERN.fullmatch(host):
            raise SettingError(
                f"ALLOWED_HOSTS has {host!r}: give names separated by commas, without scheme or port, "
                "such as change.example.net,10.0.0.5."
            )
    if hosts:
        return hosts
    name = urlsplit(url).hostname or ""
    own = f"[{name}]" if ":" in name else name
    return tuple(dict.fromkeys((*LOCAL_HOSTS, own)))


def _whole_number(environ: Mapping[str, str], name: str, *, default: int, lowest: int, highest: int) -> int:
    value = _text(environ, name)
    if not value:
        return default
    if not value.isdecimal() or not lowest <= int(value) <= highest:
        raise SettingError(f"{name} is {value!r}: give a whole number from {lowest} to {highest}.")
    return int(value)


def _number(environ: Mapping[str, str], name: str, *, default: float, lowest: float, highest: float) -> float:
    value = _text(environ, name)
    if not value:
        return default
    if not re.fullmatch(r"\d+(\.\d+)?", value) or not lowest <= float(value) <= highest:
        raise SettingError(f"{name} is {value!r}: give a number from {lowest:g} to {highest:g}, such as {default:g}.")
    return float(value)


def _device_credentials(environ: Mapping[str, str], home: Path) -> str:
    value = _text(environ, "DEVICE_CREDENTIALS")
    if not value:
        return f"file:{home / 'lab' / 'credentials.yaml'}"
    scheme, _, rest = value.partition(":")
    if scheme in {"env", "vault"} or (scheme == "file" and rest):
        return value
    raise SettingError(
        f"DEVICE_CREDENTIALS starts with {scheme!r}: use `env:` (variables of the environment), "
        "`file:/path` (a YAML file or a folder of files) or `vault:mount/path/{name}`."
    )


def _backup_keep(environ: Mapping[str, str]) -> str:
    value = _text(environ, "COUNTERSIGN_BACKUP_KEEP") or "changed"
    if value not in {"changed", "every"}:
        raise SettingError(
            f"COUNTERSIGN_BACKUP_KEEP is {value!r}: give `changed` (a row for each version) or `every` (backup)."
        )
    return value


def _device_ca_file(environ: Mapping[str, str]) -> str:
    value = _text(environ, "DEVICE_CA_FILE")
    if value and not Path(value).is_file():
        raise SettingError(
            f"DEVICE_CA_FILE names {value}, which is no file: give a PEM file of the authorities that sign the devices'"
            " certificates, or leave it out: then the pinned certificate alone decides."
        )
    return value


def _switch(environ: Mapping[str, str], name: str) -> bool:
    value = _text(environ, name).lower()
    if value in {"", "0", "false", "no", "off"}:
        return False
    if value in {"1", "true", "yes", "on"}:
        return True
    raise SettingError(f"{name} is {value!r}: give 1 or 0.")
