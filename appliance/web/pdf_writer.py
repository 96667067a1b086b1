"""The process that makes a PDF: HTML on standard input, the PDF on standard output. See :mod:`appliance.web.pdf`.

It reads nothing but the page it is given and our own style sheets and drawings, and never asks the network.
"""

import re
import resource
import sys
from pathlib import Path
from typing import Any, Final

from weasyprint import HTML
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

STATIC: Final = Path(__file__).parent / "static"
BASE: Final = "file:///"
OURS: Final = re.compile(r"file:///static/([\w-]+\.(?:css|svg))")
TYPES: Final = {".css": "text/css", ".svg": "image/svg+xml"}
MEMORY_BYTES: Final = 1 << 30
"""Of addresses; what is resident stays far below. A page that needs more is wrong."""
FONT: Final = "Noto Sans CJK SC"


class OwnFiles(URLFetcher):  # type: ignore[misc]  # WeasyPrint states no types
    """Gives our own static files and what a page carries in itself; anything else ends the rendering."""

    def fetch(self, url: str, headers: Any = None) -> Any:
        """Raises :class:`FatalURLFetchingError` for every other address."""
        if url.startswith("data:image/"):
            return super().fetch(url, headers)
        ours = OURS.fullmatch(url)
        if ours is None:
            raise FatalURLFetchingError(f"not ours: {url[:80]}")
        file = STATIC / ours[1]
        return URLFetcherResponse(url, file.read_bytes(), {"Content-Type": TYPES[file.suffix]})


def write(page: str) -> bytes:
    """The PDF of an HTML page. Raises ``RuntimeError`` where Chinese would be missing or drawn by another font."""
    document = HTML(string=page, base_url=BASE, url_fetcher=OwnFiles()).render()
    made = document.write_pdf()
    if FONT not in {font.family for font in document.fonts.values()}:
        raise RuntimeError("the font Noto Sans CJK is not installed (Debian's fonts-noto-cjk)")
    return bytes(made)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    sys.stdout.buffer.write(write(sys.stdin.buffer.read().decode("utf-8")))
