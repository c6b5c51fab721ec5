"""Settings of the test session: an installation of its own, without fsync, and passwords that hash fast."""

import os

from portal.environment import BASE_DIR

# Kept below the usual home so that tests never meet the data of a demo; processes that tests start inherit it.
_home = os.environ.setdefault(
    "COUNTERSIGN_TEST_HOME", os.path.join(os.environ.get("COUNTERSIGN_HOME") or BASE_DIR / "var", "test")  # noqa: PTH118
)
os.environ["COUNTERSIGN_HOME"] = _home
# The process id of the session's controller, which xdist's workers inherit: two sessions at once do not collide.
_session = os.environ.setdefault("COUNTERSIGN_TEST_SESSION", str(os.getpid()))

from portal.settings import *  # noqa: E402, F403
from portal.settings import DATABASES  # noqa: E402

EMBEDDED_POSTGRES_DURABLE = False
DATABASES["default"]["TEST"] = {"NAME": f"test_{_session}"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
