"""Cases for the clinic's own records, by browser: on the network alone, for the kiosk has nowhere to keep a file.

Each case that leaves is in the log before the first byte does.
"""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

from flask import Blueprint, Response, request

from appliance.cases.listing import Row
from appliance.request_errors import ExportBusy, ExportTooLarge, NothingToExport
from appliance.web.services import services
from appliance.web.staff_cases import close_up, wanted

staff_export = Blueprint("staff_export", __name__, url_prefix="/staff/cases")

MOST: Final = 200
"""Cases at once: some hundred megabytes, and minutes over a clinic's Wi-Fi."""


@staff_export.post("/<code>/export.zip")
def case(code: str) -> Response:
    """One case. Raises :class:`NothingToExport` while it has no answer."""
    found = close_up(code)
    if services().store.document(found) is None:
        raise NothingToExport(code)
    return _zip([found.number], f"case-{found.code}")


@staff_export.post("/export.zip")
def cases() -> Response:
    """Those that the list's filter shows, answered ones alone. Raises :class:`ExportTooLarge`, NothingToExport."""
    rows: list[Row] = services().store.listing.page(wanted(request.form), size=MOST + 1)
    if len(rows) > MOST:
        raise ExportTooLarge(f"more than {MOST}", most=MOST)
    numbers = [row.number for row in rows if row.state == "done"]
    if not numbers:
        raise NothingToExport("none of the list is answered")
    return _zip(numbers, "cases")


def _zip(numbers: list[int], name: str) -> Response:
    """Raises :class:`ExportBusy` while :data:`appliance.web.services.EXPORTS` others are under way."""
    store = services().store
    with ExitStack() as turn:
        _take(turn)
        store.audit.record_each("staff", "export", numbers, "zip")
        turn = turn.pop_all()
    file = f"dermkiosk-{name}-{secrets.token_hex(3)}.zip"  # staff will say of this very file that they keep it
    headers = {"Content-Disposition": f"attachment; filename={file}"}
    pieces = _within(turn, store.exports.zipped(numbers, file))
    response = Response(pieces, mimetype="application/zip", headers=headers)
    response.call_on_close(turn.close)  # where nobody takes the first piece, the generator never begins
    return response


def _take(turn: ExitStack) -> None:
    exporting = services().exporting
    if not exporting.acquire(blocking=False):
        raise ExportBusy("others are under way")
    turn.callback(exporting.release)


def _within(turn: ExitStack, pieces: Iterator[bytes]) -> Iterator[bytes]:
    with turn:
        yield from pieces
