"""The daily self-check: asks the running box for a look at the ring's own reference, the grey cap on the cup.

The box has the camera, so it looks itself; this program only asks, once a day, when systemd's timer says so.
"""

import json
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any, Final

from appliance.errors import BoxSilent
from appliance.messages import Language, text
from appliance.settings import Settings
from appliance.web.access import PROGRAM_HEADER, PROGRAM_VALUE

TIMEOUT_S: Final = 60.0
"""A full frame in good light takes a second or two; a photograph under way comes first."""
DONE: Final = 0
ALARM: Final = 1
"""Looked, and something must be seen to. Not asked again before tomorrow."""
LATER: Final = 75
"""Somebody is at the kiosk, or it is starting: systemd asks again in a quarter of an hour."""
NOTHING_TO_CHECK: Final = "calibration_impossible"


def self_check(settings: Settings, language: Language) -> tuple[int, str]:
    """Exit status, and what to say. Raises :class:`BoxSilent` where no box answers."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{settings.kiosk_port}/kiosk/calibration/ring?language={language}",
        method="POST",
        headers={PROGRAM_HEADER: PROGRAM_VALUE, "Accept": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310  # the address is our own
            return DONE, text(language, "calibrate.checked", delta_e=json.load(answer)["delta_e"])
    except urllib.error.HTTPError as refused:
        return _said(refused.code, json.load(refused))
    except OSError as silent:
        raise BoxSilent(str(silent), port=settings.kiosk_port) from silent


def _said(status: int, problem: dict[str, Any]) -> tuple[int, str]:
    if problem["key"] == NOTHING_TO_CHECK:
        return DONE, problem["detail"]
    code = LATER if status == HTTPStatus.SERVICE_UNAVAILABLE else ALARM
    return code, f"{problem['detail']}\n{problem['remedy']}"
