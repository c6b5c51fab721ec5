"""NX-API for NAPALM's NX-OS driver, over TLS with a pinned certificate.

The client that NAPALM ships takes every certificate unless told otherwise, and cannot compare one. Only how a request
is sent is replaced here; what is asked and how answers are read stays NAPALM's.
"""

import base64
import http.client
from typing import Any, Final

from napalm.nxapi_plumbing import Device as NxapiDevice
from napalm.nxapi_plumbing.api_client import RPCClient
from napalm.nxapi_plumbing.errors import NXAPIConnectionError
from napalm.nxos.nxos import NXOSDriver
from requests import Response
from typing_extensions import override

from devices.drivers import tls
from devices.drivers.base import Endpoint
from devices.errors import AuthenticationFailedError

_PATH: Final = "/ins"


class PinnedNxosDriver(NXOSDriver):  # type: ignore[misc]  # NAPALM ships no types
    """NAPALM's driver whose every request goes to a device that shows a pinned certificate."""

    def __init__(self, endpoint: Endpoint) -> None:
        credential = endpoint.credential
        super().__init__(
            endpoint.host,
            credential.username,
            credential.password,
            timeout=endpoint.read_timeout_s,
            optional_args={"port": endpoint.port, "transport": "https", "ssl_verify": True},
        )
        self._client = _PinnedClient(endpoint)

    @override
    def open(self) -> None:
        """Ask for the host name, as NAPALM does, to see that the device answers.

        Raises:
            AuthenticationFailedError: the device refused the password; NAPALM would call it a lost connection.
            UnpinnedCertificateError: the device shows another certificate; no password was sent.
        """
        device: Any = NxapiDevice(self.hostname, self.username, self.password, transport="https", port=self.port)
        device.api = self._client
        self.device = device
        self._send_command("show hostname")


class _PinnedClient(RPCClient):  # type: ignore[misc]  # NAPALM ships no types
    def __init__(self, endpoint: Endpoint) -> None:
        credential = endpoint.credential
        super().__init__(endpoint.host, credential.username, credential.password, port=endpoint.port)
        self._endpoint = endpoint
        self._pinned = tls.pinned_certificates(endpoint)
        self._context = tls.client_context(endpoint)

    @override
    def _send_request(self, commands: list[str], method: str) -> Response:
        endpoint = self._endpoint
        connection = tls.PinnedConnection(
            self._pinned, _PATH, endpoint.host, endpoint.port, timeout=endpoint.read_timeout_s, context=self._context
        )
        login = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        headers = {**self.headers, "Authorization": f"Basic {login}"}
        try:
            connection.request("POST", _PATH, body=self._build_payload(commands, method), headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except http.client.HTTPException as error:
            raise NXAPIConnectionError(f"The answer ended before it was complete: {error}") from error
        finally:
            connection.close()
        if answer.status == http.client.UNAUTHORIZED:
            raise AuthenticationFailedError(
                f"The device refused the password of {endpoint.credential.username}.", device=endpoint.name
            )
        response = Response()
        response.status_code, response.encoding = answer.status, "utf-8"
        response._content = body  # noqa: SLF001 - what NAPALM reads is requests' own answer
        return response
