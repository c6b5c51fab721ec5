"""The process that makes one PDF: HTML comes in on standard input, the PDF goes out on standard output.

It is started by :mod:`portal.pdf.making` as a file, isolated from the project, with no environment to speak of. What a
page refers to is read from the folder of static files, or refused: nothing is ever fetched from a network or from
elsewhere on the disk.
"""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

MEMORY_BYTES = 1024 * 1024 * 1024
CPU_S = 40
SCHEME = "static:"
NOT_INSTALLED = 3
"""Exit status: a library of the system is missing."""
_NAME = re.compile(r"static:/{0,3}(?P<name>[a-z0-9_][a-zA-Z0-9_./-]*\.(?:css|svg))")
_TYPES = {".css": "text/css", ".svg": "image/svg+xml"}


def static_file(root: Path, url: str) -> Path:
    """The static file that an address means.

    Raises:
        ValueError: any other address, or a file outside the folder.
    """
    match = _NAME.fullmatch(url)
    path = (root / match["name"]).resolve() if match else None
    if path is None or not path.is_relative_to(root) or not path.is_file():
        raise ValueError(f"refused: {url[:100]!r} is no static file of this installation")
    return path


def limit() -> None:
    """Bound what this process may take; the parent bounds its time."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main() -> int:
    """Make the PDF; the exit status is 0, or :data:`NOT_INSTALLED` where WeasyPrint cannot load a library."""
    root = Path(sys.argv[1]).resolve()
    html = sys.stdin.buffer.read().decode()
    try:
        import weasyprint
        from weasyprint.urls import URLFetcher, URLFetcherResponse
    except OSError as missing:
        sys.stderr.write(str(missing)[:500])
        return NOT_INSTALLED
    limit()

    class StaticOnly(URLFetcher):  # type: ignore[misc]  # the library is not typed
        """Reads static files and refuses everything else."""

        def fetch(self, url: str, headers: object = None) -> object:  # noqa: ARG002 - the library's signature
            path = static_file(root, url)
            return URLFetcherResponse(url, path.read_bytes(), {"Content-Type": _TYPES[path.suffix]})

    document = weasyprint.HTML(string=html, base_url=SCHEME, url_fetcher=StaticOnly())
    sys.stdout.buffer.write(document.write_pdf(pdf_variant="pdf/ua-1"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
