"""Settings of the test session: an installation of its own, without fsync, and passwords that hash fast."""

import os
from pathlib import Path

from portal.environment import BASE_DIR

# Below the usual home, so that tests never meet the data of a demo; processes that tests start inherit it.
_usual_home = Path(os.environ.get("COUNTERSIGN_HOME") or BASE_DIR / "var")
os.environ["COUNTERSIGN_HOME"] = os.environ.setdefault("COUNTERSIGN_TEST_HOME", str(_usual_home / "test"))
# The process id of the session's controller, which xdist's workers inherit: two sessions at once do not collide.
_session = os.environ.setdefault("COUNTERSIGN_TEST_SESSION", str(os.getpid()))

from portal.settings import *  # noqa: E402, F403
from portal.settings import (  # noqa: E402
    COUNTERSIGN_RING_AGAIN_S,
    COUNTERSIGN_RUNNER_DEADLINE_S,
    COUNTERSIGN_TASK_MODULES,
    DATABASES,
)

EMBEDDED_POSTGRES_DURABLE = False
DATABASES["default"]["TEST"] = {"NAME": f"test_{_session}"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
COUNTERSIGN_TASK_MODULES = (*COUNTERSIGN_TASK_MODULES, "tests.integration.supervision.jobs")
COUNTERSIGN_LEASE_S = 6
# Worker processes of a test may hand over sooner, and be rung for sooner, than in production.
COUNTERSIGN_RUNNER_DEADLINE_S = int(os.environ.get("COUNTERSIGN_TEST_DEADLINE_S", COUNTERSIGN_RUNNER_DEADLINE_S))
COUNTERSIGN_RING_AGAIN_S = int(os.environ.get("COUNTERSIGN_TEST_RING_AGAIN_S", COUNTERSIGN_RING_AGAIN_S))
