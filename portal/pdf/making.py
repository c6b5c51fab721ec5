"""Having a PDF made by a process with limits of time and memory; two at once for each process of the web server."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Final

from django.conf import settings

from portal.errors import PortalError
from portal.pdf import child
from portal.pdf.libraries import why_no_pdf

logger = logging.getLogger(__name__)

TIME_S: Final = 60
LONGEST_HTML: Final = 4 * 1024 * 1024
_AT_ONCE: Final = threading.BoundedSemaphore(2)


class PdfError(PortalError):
    """No PDF was made; the sentence says why, and what to do."""

    code = "pdf_unavailable"


def pdf_of(html: str) -> bytes:
    """The PDF of a page that refers to nothing but static files, as ``static:css/report-pdf.css``.

    The page is made in a process of its own: at most 60 s, 1 GiB of memory, no files written, nothing fetched.

    Raises:
        PdfError: a library is missing, the page is too large, too many are being made, or it took too long.
    """
    sentence = why_no_pdf()
    if sentence:
        raise PdfError(sentence)
    data = html.encode()
    if len(data) > LONGEST_HTML:
        raise PdfError("This report is too large for a PDF. Print its page instead, or take the JSON.")
    if not _AT_ONCE.acquire(blocking=False):
        raise PdfError("Other PDFs are being made just now. Try again in a moment.")
    try:
        return _made(data)
    finally:
        _AT_ONCE.release()


def _made(data: bytes) -> bytes:
    root = Path(settings.STATICFILES_DIRS[0]).resolve()
    with tempfile.TemporaryDirectory(prefix="countersign-pdf-") as scratch:
        environment = {"PATH": "/usr/bin:/bin", "HOME": scratch, "LANG": "C.UTF-8", "XDG_CACHE_HOME": scratch}
        try:
            done = subprocess.run(
                [sys.executable, "-I", str(Path(child.__file__)), str(root)],
                input=data,
                capture_output=True,
                timeout=TIME_S,
                check=False,
                cwd=scratch,
                env=environment,
            )
        except subprocess.TimeoutExpired:
            raise PdfError(f"The PDF took longer than {TIME_S} s and was given up. Print the page instead.") from None
    if done.returncode != 0 or not done.stdout.startswith(b"%PDF-"):
        logger.warning("no PDF: status %s, %s", done.returncode, done.stderr.decode(errors="replace")[-500:])
        if done.returncode == child.NOT_INSTALLED:
            raise PdfError("A library that PDFs need could not be loaded. Ask an administrator to run manage.py check.")
        raise PdfError("The PDF could not be made. The log of the web server says why. Print the page instead.")
    return done.stdout
