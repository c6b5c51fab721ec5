"""A process that uses the embedded server, told over stdin what to do. Standard library only: it may run as any user.

Prints one JSON line: {"server": pid, "socket": directory} or {"refused": sentence}. Then ``fork`` makes a child that
stays attached and prints its pid, ``release`` lets go, and the end of stdin ends it in good order.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from portal.embedded_postgres import EmbeddedPostgresError, attach, postmaster


def say(value: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main(home: str) -> None:
    try:
        attachment = attach(Path(home), durable=False)
    except EmbeddedPostgresError as error:
        say({"refused": str(error)})
        return
    server = postmaster.running_pid(attachment.layout.data)
    say({"server": server, "socket": str(attachment.socket_directory)})
    for line in sys.stdin:
        if line.strip() == "fork":
            child = os.fork()
            if child == 0:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                time.sleep(600)
            say({"child": child})
        elif line.strip() == "release":
            attachment.release()
            say({"released": True})


if __name__ == "__main__":
    main(sys.argv[1])
