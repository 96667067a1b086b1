"""How the box is: a traffic light a check, what to do about it, and a file for a technician far away."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import psutil
from flask import Blueprint, Response, make_response, redirect, render_template, url_for

from appliance import support
from appliance.cases.clock import local
from appliance.health.result import Result
from appliance.web.health import reading
from appliance.web.language import translate
from appliance.web.services import services

staff_health = Blueprint("staff_health", __name__, url_prefix="/staff/health")

Light = Literal["green", "amber", "red"]
CONTENT: Final = ("ok", "impossible", "unknown", "nothing", "off")
"""A check that says this needs nobody. Phones without TLS are what a box is made for: nothing is to be mended there."""
HOUR_S: Final = 3600
GIGABYTE: Final = 10**9


@dataclass(frozen=True)
class Lamp:
    """One check. ``light`` is amber where the box works and somebody should see to it soon."""

    id: str
    light: Light
    message: str
    reading: str | None


@staff_health.get("")
def page() -> str:
    """All checks, those that need somebody first."""
    lamps = sorted(
        (_lamp(each) for each in services().checks()), key=lambda lamp: ("red", "amber", "green").index(lamp.light)
    )
    return render_template("staff_health.html", lamps=lamps, worst=lamps[0].light if lamps else "green", facts=_facts())


@staff_health.post("/repair")
def repair_seen() -> Response:
    """Somebody has read what was repaired: the pages need not say it any more."""
    services().store.ledger.repair_seen()
    return make_response(redirect(url_for("staff_health.page"), 303))


@staff_health.post("/support.zip")
def support_bundle() -> Response:
    """The support file."""
    box = services()
    box.store.audit.record("staff", "support_bundle")
    content = support.packed(
        {
            "versions.json": support.versions(),
            "settings.json": support.settings_shown(box.settings),
            "health.json": [_checked(each) for each in box.checks()],
            "counts.json": {"cases": box.store.counts.by_state(), "worked_hours": _worked_hours()},
            "timings.json": support.spent(box.store.counts.timings_ms()),
            "log.txt": box.log.text(),
        }
    )
    headers = {"Content-Disposition": "attachment; filename=dermkiosk-support.zip"}
    return Response(content, mimetype="application/zip", headers=headers)


def _lamp(check: Result) -> Lamp:
    says = check.message.rpartition(".")[2]
    light: Light = "red" if not check.ok else "green" if says in CONTENT else "amber"
    return Lamp(check.id, light, check.message, reading(check))


def _checked(check: Result) -> dict[str, Any]:
    """The words as the reader's language has them: a technician reads the box's page and this side by side."""
    return {
        "id": check.id,
        "ok": check.ok,
        "says": check.message,
        "words": translate(check.message),
        "reading": reading(check),
    }


def _facts() -> dict[str, str]:
    """Numbers beside the checks, by name (message key ``facts.<name>``)."""
    box = services()
    free = psutil.disk_usage(str(box.settings.state)).free / GIGABYTE
    backup = box.store.ledger.last_backup()
    return {
        "backup": local(backup.at) if backup else "–",
        "not_backed_up": str(box.store.ledger.not_backed_up()),
        "unexported": str(len(box.store.ledger.unexported())),
        "waiting": str(box.store.waiting()),
        "free": f"{free:.1f} GB",
        "worked": str(_worked_hours()),
        "version": support.versions()["packages"].get("dermkiosk", "–"),
    }


def _worked_hours() -> int:
    return services().store.now().age_s // HOUR_S
