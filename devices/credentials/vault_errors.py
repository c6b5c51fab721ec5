"""What went wrong at a Vault server, each as one sentence without a token, a path's content or a value."""

from __future__ import annotations

import hvac.exceptions
import requests

from devices.errors import DeviceError, SecretStoreDownError, SecretUnavailableError


def store_problem(error: Exception, *, address: str, mount: str) -> DeviceError:
    """The error for everything but a refused token; transient ones are worth another attempt."""
    if isinstance(error, hvac.exceptions.InvalidPath):
        return _missing(error, mount)
    down, sentence = True, "answered with an error of its own."
    match error:
        case requests.exceptions.SSLError():
            down, sentence = (
                False,
                (
                    "proved itself with a certificate that is not trusted. Set VAULT_CACERT to its authority's file."
                    " Nothing was sent to it."
                ),
            )
        case requests.exceptions.Timeout():
            sentence = "did not answer in time."
        case requests.RequestException():
            sentence = "cannot be reached."
        case hvac.exceptions.VaultDown() if "sealed" in _said(error).lower():
            sentence = "is sealed. An operator has to unseal it."
        case hvac.exceptions.VaultNotInitialized():
            down, sentence = False, "was never initialised."
        case hvac.exceptions.RateLimitExceeded():
            sentence = "takes no more requests for now: its quota is used up."
        case hvac.exceptions.InvalidRequest() | hvac.exceptions.Unauthorized():
            down, sentence = (
                False,
                ("did not accept the sign-in or the request. Check VAULT_ROLE_ID, VAULT_SECRET_ID and the mount."),
            )
    kind = SecretStoreDownError if down else SecretUnavailableError
    return kind(f"Vault at {address} {sentence}")


def _said(error: Exception) -> str:
    return " ".join(map(str, getattr(error, "errors", None) or []))


def path_problem(*, mount: str, address: str, token_ended: bool) -> DeviceError:
    """The error for a refusal: the token has ended, or it may not read there."""
    if token_ended:
        return SecretUnavailableError(
            f"The token for Vault at {address} has expired or was revoked. Provide a new one."
        )
    return SecretUnavailableError(
        f"Vault refused to read below {mount}: the token's policy does not allow this credential, or there is no such"
        " mount."
    )


def _missing(error: hvac.exceptions.InvalidPath, mount: str) -> DeviceError:
    said = _said(error)
    if "no handler for route" in said or "route entry not found" in said:
        return SecretUnavailableError(f"Vault has no mount {mount}. Check DEVICE_CREDENTIALS.")
    answer = error.json if isinstance(error.json, dict) else {}
    data = answer.get("data")
    if isinstance(data, dict) and "metadata" in data:
        return SecretUnavailableError("The credential's newest version was deleted from Vault. Write a new one.")
    return SecretUnavailableError(f"Vault's mount {mount} has no secret for this credential at the configured path.")
