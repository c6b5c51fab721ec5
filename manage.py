#!/usr/bin/env python3
"""The command line of the installation."""

import os
import sys

# These start no database: they need none, or look at other things first and attach by themselves.
WITHOUT_DATABASE = {
    "help",
    "version",
    "--help",
    "-h",
    "--version",
    "demo",
    "demo_reset",
    "lab",
    "startapp",
    "startproject",
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        from portal.start import StartError, prepare
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"audit", "changes", "devices", "portal"}:
            raise
        sys.exit(f"{error.name} is not installed: run `make setup` and use .venv/bin/python.")
    try:
        prepare(attach_database=len(sys.argv) > 1 and sys.argv[1] not in WITHOUT_DATABASE)
    except StartError as error:
        sys.exit(f"Countersign cannot start: {error}")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
