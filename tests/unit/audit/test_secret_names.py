import pytest

from audit.secret_names import looks_secret


@pytest.mark.parametrize(
    "name",
    [
        "password", "Password", "PASSWORD", "userPassword", "db-password", "mypassword", "password2",
        "passwd", "enable_secret", "client.secret", "secrets", "passphrase", "api_key", "apiKey", "APIKey",
        "x-api-key", "private_key", "privateKey", "pre-shared-key", "token", "access_token", "tokens",
        "csrfToken", "pwd", "psk", "pin", "otp", "TOTP", "Authorization", "Set-Cookie", "cookies", "bearer",
        "credentials", "password_hash", "snmp_community", "community", "ro_community", "key-string",
        "session_key", "sessionid", "jwt",
    ],
)  # fmt: skip
def test_names_of_secrets_are_known(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "", "...", "name", "reason", "plan_digest", "host_key", "public_key", "key", "keys", "author",
        "tokenizer", "pinned", "spine", "interface", "mapping", "bgp_community", "communities", "token_id",
        "tokenName", "password_changed_at", "credential_name", "secret_provider", "api_key_id", "passed",
        "bypass", "compass",
    ],
)  # fmt: skip
def test_names_that_hold_no_secret_are_let_through(name: str) -> None:
    assert not looks_secret(name)
