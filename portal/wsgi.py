"""The entry point of gunicorn."""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

from django.core.wsgi import get_wsgi_application

from portal.start import StartError, prepare

try:
    prepare(attach_database=True)
except StartError as error:
    sys.exit(f"Countersign cannot start: {error}")
application = get_wsgi_application()

from portal.configuration import configuration_told  # noqa: E402 - it needs the models

configuration_told("web")
