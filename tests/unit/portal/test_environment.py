import stat
import subprocess
import sys
from pathlib import Path

import pytest

from portal.environment import BASE_DIR, Environment, SettingError, read_environment

KEY = "k" * 40


def read(tmp_path: Path, **values: str) -> Environment:
    return read_environment({"COUNTERSIGN_HOME": str(tmp_path / "home"), **values})


def test_defaults(tmp_path: Path) -> None:
    environment = read(tmp_path)
    assert environment.home == tmp_path / "home"
    assert environment.database_url == ""
    assert environment.allowed_hosts == ("127.0.0.1", "localhost", "[::1]")
    assert (environment.workers, environment.threads) == (2, 8)
    assert environment.device_credentials == f"file:{tmp_path}/home/lab/credentials.yaml"
    assert not environment.debug
    assert not environment.https


def test_retry_and_breaker_have_defaults(tmp_path: Path) -> None:
    found = read(tmp_path)
    retry = (found.connect_attempts, found.retry_base_s, found.retry_factor, found.retry_jitter)
    assert retry == (3, 1.0, 2.0, 0.2)
    assert (found.breaker_credential_failures, found.breaker_site_failures) == (3, 5)
    assert (found.breaker_window_s, found.breaker_cool_down_s, found.breaker_give_up_s) == (300, 60, 900)
    set_ = read(tmp_path, DEVICE_RETRY_BASE_S="0.5", COUNTERSIGN_BREAKER_SITE_FAILURES="0")
    assert (set_.retry_base_s, set_.breaker_site_failures) == (0.5, 0)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DEVICE_CONNECT_ATTEMPTS", "0", "give a whole number from 1 to 10"),
        ("DEVICE_RETRY_BASE_S", "1,5", "give a number from 0 to 60, such as 1"),
        ("DEVICE_RETRY_FACTOR", "0.5", "give a number from 1 to 10, such as 2"),
        ("DEVICE_RETRY_JITTER", "nan", "give a number from 0 to 1, such as 0.2"),
        ("COUNTERSIGN_BREAKER_CREDENTIAL_FAILURES", "-1", "give a whole number from 0 to 100"),
        ("COUNTERSIGN_BREAKER_COOL_DOWN_S", "0", "give a whole number from 1 to 3600"),
    ],
)
def test_a_retry_or_breaker_that_makes_no_sense_is_refused(
    tmp_path: Path, name: str, value: str, sentence: str
) -> None:
    with pytest.raises(SettingError, match=f"{name} is .*: {sentence}"):
        read(tmp_path, **{name: value})


@pytest.mark.parametrize("value", ["redis://h", "redis://:secret@h:6380/2", "rediss://me:secret@[::1]:6380/"])
def test_the_queue_may_be_in_redis(tmp_path: Path, value: str) -> None:
    assert read(tmp_path, COUNTERSIGN_BROKER=value).broker_url == value
    assert read(tmp_path, COUNTERSIGN_BROKER="orm").broker_url == ""


def test_redis_without_its_client_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.environment.find_spec", lambda _name: None)
    with pytest.raises(SettingError, match=r"requirements/install\.sh redis"):
        read(tmp_path, COUNTERSIGN_BROKER="redis://h")


def test_a_refused_address_of_redis_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingError) as refused:
        read(tmp_path, COUNTERSIGN_BROKER="redis://me:s3cr3t@h/queue")
    assert "s3cr3t" not in str(refused.value)


def test_targets_of_key_figures_are_bounds_in_the_measure_of_each(tmp_path: Path) -> None:
    assert read(tmp_path).kpi_targets == {}
    text = "success-rate=97.5%, 90 %; lead-time=3d,10 d;unauthorized-changes = 2,9 ; emergency-share=none;"
    assert read(tmp_path, COUNTERSIGN_KPI_TARGETS=text).kpi_targets == {
        "success-rate": (975, 900),
        "lead-time": (3 * 86_400, 10 * 86_400),
        "unauthorized-changes": (2, 9),
        "emergency-share": None,
    }


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("sucess-rate=97%,90%", "names no figure"),
        ("success-rate", "names no figure"),
        ("success-rate=97%", "two bounds"),
        ("success-rate=97%,90%,80%", "two bounds"),
        ("success-rate=90%,97%", "must lie above"),
        ("rollback-rate=9%,9%", "must lie below"),
        ("success-rate=101%,90%", "“101%” is no bound"),
        ("success-rate=3d,10d", "a share such as"),
        ("lead-time=97%,90%", "a time such as"),
        ("unauthorized-changes=-1,5", "a whole number"),
        ("success-rate=97%,90%;success-rate=96%,90%", "named twice"),
    ],
)
def test_a_target_that_cannot_be_used_stops_the_start_with_a_sentence(
    tmp_path: Path, value: str, sentence: str
) -> None:
    with pytest.raises(SettingError, match=rf"COUNTERSIGN_KPI_TARGETS: .*{sentence}"):
        read(tmp_path, COUNTERSIGN_KPI_TARGETS=value)


def test_home_is_var_next_to_the_code_when_unset() -> None:
    assert read_environment({"SECRET_KEY": KEY}).home == BASE_DIR / "var"


def test_empty_values_count_as_unset(tmp_path: Path) -> None:
    empty = dict.fromkeys(
        ("DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS", "COUNTERSIGN_WORKERS", "COUNTERSIGN_URL"), " "
    )
    assert read(tmp_path, **empty) == read(tmp_path)


def test_secret_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first, second = read(tmp_path), read(tmp_path)
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 50
    assert stat.S_IMODE((tmp_path / "home" / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["secret_key"]


def test_processes_that_start_at_once_agree_on_one_secret_key(tmp_path: Path) -> None:
    code = (
        "import os, sys; from portal.environment import read_environment;"
        "sys.stdout.write(read_environment(os.environ).secret_key)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=BASE_DIR,
            env={"COUNTERSIGN_HOME": str(tmp_path / "home")},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    assert len({process.communicate(timeout=30)[0] for process in started}) == 1


def test_given_secret_key_is_used_and_nothing_is_written(tmp_path: Path) -> None:
    assert read(tmp_path, SECRET_KEY=KEY).secret_key == KEY
    assert not (tmp_path / "home").exists()


def test_host_of_the_public_address_is_allowed(tmp_path: Path) -> None:
    environment = read(tmp_path, COUNTERSIGN_URL="https://change.example.net:8443/")
    assert environment.url == "https://change.example.net:8443"
    assert environment.https
    assert "change.example.net" in environment.allowed_hosts


def test_allowed_hosts_replace_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, ALLOWED_HOSTS="a.example, .b.example,10.0.0.5,[::1]").allowed_hosts == (
        "a.example",
        ".b.example",
        "10.0.0.5",
        "[::1]",
    )


@pytest.mark.parametrize("value", ["1", "TRUE", "yes", "on"])
def test_debug_can_be_switched_on(tmp_path: Path, value: str) -> None:
    assert read(tmp_path, COUNTERSIGN_DEBUG=value).debug


@pytest.mark.parametrize("value", ["env:", "env:PREFIX_", "file:/etc/countersign/credentials.yaml"])
def test_credential_providers(tmp_path: Path, value: str) -> None:
    assert read(tmp_path, DEVICE_CREDENTIALS=value).device_credentials == value


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("COUNTERSIGN_WORKERS", "0", "a whole number from 1 to 64"),
        ("COUNTERSIGN_WORKERS", "two", "a whole number from 1 to 64"),
        ("COUNTERSIGN_WORKERS", "-1", "a whole number from 1 to 64"),
        ("COUNTERSIGN_WORKERS", "1.5", "a whole number from 1 to 64"),
        ("COUNTERSIGN_WORKERS", "²", "a whole number from 1 to 64"),
        ("COUNTERSIGN_THREADS", "65", "a whole number from 1 to 64"),
        ("COUNTERSIGN_BROKER", "rabbit", "redis://user:password@host:6379/0"),
        ("COUNTERSIGN_BROKER", "redis://", "redis://user:password@host:6379/0"),
        ("COUNTERSIGN_BROKER", "redis://h:port", "redis://user:password@host:6379/0"),
        ("COUNTERSIGN_BROKER", "redis://h/queue", "redis://user:password@host:6379/0"),
        ("COUNTERSIGN_BROKER", "redis://h/0?timeout=1", "redis://user:password@host:6379/0"),
        ("COUNTERSIGN_DEBUG", "maybe", "give 1 or 0"),
        ("COUNTERSIGN_URL", "change.example.net", "https://change.example.net"),
        ("COUNTERSIGN_URL", "ftp://change.example.net", "https://change.example.net"),
        ("COUNTERSIGN_URL", "https://change.example.net/app", "https://change.example.net"),
        ("COUNTERSIGN_URL", "https://me:secret@change.example.net", "https://change.example.net"),
        ("COUNTERSIGN_URL", "http://[", "https://change.example.net"),
        ("COUNTERSIGN_URL", "http://h:99999", "https://change.example.net"),
        ("DATABASE_URL", "mysql://u@h/name", "PostgreSQL 15 or newer"),
        ("DATABASE_URL", "postgresql://u@h", "PostgreSQL 15 or newer"),
        ("DATABASE_URL", "postgresql://u@h:port/name", "PostgreSQL 15 or newer"),
        ("DATABASE_URL", "postgresql", "PostgreSQL 15 or newer"),
        ("DATABASE_OWNER_URL", "mysql://u@h/name", "PostgreSQL 15 or newer"),
        ("DATABASE_OWNER_URL", "postgresql://u@h/name", "without DATABASE_URL"),
        ("DATABASE_SEALER_URL", "postgresql://u@h/name", "without DATABASE_URL"),
        ("SECRET_KEY", "short", "at least 32 random ones"),
        ("ALLOWED_HOSTS", "https://change.example.net", "without scheme or port"),
        ("ALLOWED_HOSTS", "change.example.net:443", "without scheme or port"),
        ("DEVICE_CREDENTIALS", "ldap:secret/network", "`env:`"),
        ("DEVICE_CREDENTIALS", "file:", "`env:`"),
        ("DEVICE_CREDENTIALS", "/etc/credentials.yaml", "`env:`"),
    ],
)
def test_bad_value_is_one_sentence_that_names_the_setting(tmp_path: Path, name: str, value: str, advice: str) -> None:
    with pytest.raises(SettingError) as caught:
        read(tmp_path, **{name: value})
    message = str(caught.value)
    assert message.startswith(name)
    assert advice in message
    assert "\n" not in message


def test_the_logins_of_owner_and_sealer_are_of_the_same_database(tmp_path: Path) -> None:
    served = {"DATABASE_URL": "postgresql://app@h/name"}
    found = read(tmp_path, **served, DATABASE_OWNER_URL="postgresql://dba@h/name")
    assert (found.database_owner_url, found.database_sealer_url) == ("postgresql://dba@h/name", "")
    with pytest.raises(SettingError, match="names another database than DATABASE_URL"):
        read(tmp_path, **served, DATABASE_SEALER_URL="postgresql://sealer@h/other")


def test_password_of_a_bad_database_url_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingError) as caught:
        read(tmp_path, DATABASE_URL="mysql://me:hunter2@h/name")
    assert "hunter2" not in str(caught.value)


def test_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(SettingError, match="which is a file: name a folder"):
        read(tmp_path)


def test_unusable_kept_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "secret_key").write_text("\n")
    with pytest.raises(SettingError, match="remove the file to have a new one made"):
        read(tmp_path)
    (tmp_path / "home" / "secret_key").write_bytes(b"\xff" * 50)
    with pytest.raises(SettingError, match="not a text file"):
        read(tmp_path)


def test_key_file_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home" / "secret_key").mkdir(parents=True)
    with pytest.raises(SettingError, match="Cannot keep the secret key in"):
        read(tmp_path)


def test_a_file_of_authorities_must_be_there_and_plain_http_is_off(tmp_path: Path) -> None:
    pem = tmp_path / "ca.pem"
    pem.touch()
    found = read(tmp_path, DEVICE_CA_FILE=str(pem))
    assert (found.device_ca_file, found.device_allow_plain_http) == (str(pem), False)
    assert read(tmp_path, DEVICE_ALLOW_PLAIN_HTTP="1").device_allow_plain_http
    with pytest.raises(SettingError, match="DEVICE_CA_FILE names /nowhere"):
        read(tmp_path, DEVICE_CA_FILE="/nowhere")
