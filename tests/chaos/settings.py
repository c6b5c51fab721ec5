"""Settings of a chaos session: a database server of its own, that may be killed, and waits that a test can afford."""

from tests.settings import *  # noqa: F403

# The conductor's, which only plans, and shares its process with the devices. The workers' is shorter.
COUNTERSIGN_LEASE_S = 60
COUNTERSIGN_BUSY_WAIT_S = 0.3  # type: ignore[assignment]
COUNTERSIGN_RECONNECT_WAIT_S = 0.2  # type: ignore[assignment]
DEVICE_RETRY_BASE_S = 0.1
DEVICE_READ_TIMEOUT_S = 10.0
DEVICE_CONNECT_TIMEOUT_S = 15.0
