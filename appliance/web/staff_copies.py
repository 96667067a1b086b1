"""The backup, for staff: start one onto the stick, and see when the last one was read back whole."""

from datetime import timedelta
from typing import Final

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from appliance import backup_request
from appliance.cases.audit import Action, Entry
from appliance.cases.backup import under_way
from appliance.cases.clock import Moment, now
from appliance.errors import BackupError
from appliance.web.problems import problem
from appliance.web.services import services

staff_copies = Blueprint("staff_copies", __name__, url_prefix="/staff/copies")

BEGINS_WITHIN: Final = timedelta(minutes=10)
"""What was asked for has begun by then, or never will."""


@staff_copies.get("")
def page() -> str:
    """When the last backup was read back whole, what it holds, and what is in none."""
    return _page(None)


@staff_copies.post("")
def start() -> Response:
    """Ask for a backup now."""
    box = services()
    try:
        backup_request.ask(box.settings.backup_bell, box.settings.state)
    except BackupError as error:
        return make_response(_page(error), error.status)
    box.store.audit.record("staff", "backup_asked")
    return make_response(redirect(url_for("staff_copies.page", asked=1), 303))


def _page(error: BackupError | None) -> str:
    box = services()
    running = under_way(box.settings.state)
    return render_template(
        "staff_copies.html",
        error=problem(error) if error else None,
        asked="asked" in request.args,
        last=box.store.ledger.last_backup(),
        lacking=box.store.ledger.not_backed_up(),
        failed=_ended("backup_failed"),
        cut=None if running else _ended("backup_begun"),
        plugged=backup_request.STICK.exists(),
        unheard=None if running else _unheard(),
        running=running,
        startable=backup_request.can_ask(box.settings.backup_bell),
    )


def _ended(action: Action) -> Entry | None:
    """The box's last line on a backup where it is this one: ``backup_failed``, with the error's key, or
    ``backup_begun`` where the program could not say how it ended."""
    # A copy that is made during a backup, on a stick or on the box, holds the line with which it began, not its end.
    by_box = services().store.audit.newest("backup_begun", "backup_failed", "backup", "restore", "repair")
    return by_box if by_box and by_box.action == action else None


def _unheard() -> Entry | None:
    """The last wish for a backup of which nothing was heard: not mounted, or no memory for the program."""
    asked = services().store.audit.newest("backup_asked", "backup_begun", "backup_failed", "backup", "repair")
    if asked is None or asked.action != "backup_asked":
        return None
    waited = now().time - Moment.read(asked.at, asked.clock, 0).time
    return None if timedelta() <= waited < BEGINS_WITHIN else asked  # below zero: the clock was set back since
