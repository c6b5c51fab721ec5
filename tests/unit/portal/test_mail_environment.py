from pathlib import Path

import pytest

from portal.environment import SettingError
from portal.mail_environment import read_mail


def test_without_a_server_nothing_is_sent() -> None:
    found = read_mail({})
    assert (found.is_on, found.networks) == (False, ())
    assert str(found.settings["EMAIL_BACKEND"]).endswith("dummy.EmailBackend")


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://mail.example.net", 25, False, False),
        ("smtp+starttls://portal%40example.net@mail.example.net", 587, True, False),
        ("smtps://mail.example.net:4465", 4465, False, True),
    ],
)
def test_a_server_is_read_from_one_address(url: str, port: int, tls: bool, ssl: bool) -> None:
    found = read_mail({"MAIL_URL": url, "MAIL_PASSWORD": "hidden word"}).settings
    assert (found["EMAIL_PORT"], found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (port, tls, ssl)
    assert found["EMAIL_HOST_PASSWORD"] == "hidden word"
    if "@" in url:
        assert found["EMAIL_HOST_USER"] == "portal@example.net"


def test_a_folder_takes_mails_too(tmp_path: Path) -> None:
    assert read_mail({"MAIL_URL": f"file:{tmp_path}"}).settings["EMAIL_FILE_PATH"] == str(tmp_path)


@pytest.mark.parametrize(
    "environ",
    [
        {"MAIL_URL": "mail.example.net"},
        {"MAIL_URL": "smtp://"},
        {"MAIL_URL": "smtp://a:hidden-word@mail.example.net"},
        {"MAIL_URL": "smtp://mail.example.net:x"},
        {"MAIL_URL": "file:"},
        {"MAIL_FROM": "nobody"},
        {"MAIL_FROM": "a@example.net\nBcc: x@example.net"},
        {"MAIL_PASSWORD": "hidden-word", "MAIL_PASSWORD_FILE": "/run/mail"},
        {"MAIL_PASSWORD_FILE": "/nowhere/at/all"},
        {"WEBHOOK_ALLOWED_NETWORKS": "10.0.0.1/8"},
        {"WEBHOOK_ALLOWED_NETWORKS": "everything"},
        {"WEBHOOK_CA_FILE": "/nowhere.pem"},
    ],
)
def test_a_bad_setting_stops_the_start_with_a_sentence_that_repeats_no_secret(environ: dict[str, str]) -> None:
    with pytest.raises(SettingError) as refused:
        read_mail(environ)
    assert str(refused.value).endswith(".")
    assert "hidden-word" not in str(refused.value)
