"""The backup, for staff: start one onto the stick, and see when the last one was read back whole."""

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from appliance import backup_request
from appliance.cases.audit import Entry
from appliance.cases.backup import under_way
from appliance.errors import BackupError
from appliance.web.problems import problem
from appliance.web.services import services

staff_copies = Blueprint("staff_copies", __name__, url_prefix="/staff/copies")


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
    return render_template(
        "staff_copies.html",
        error=problem(error) if error else None,
        asked="asked" in request.args,
        last=box.store.ledger.last_backup(),
        lacking=box.store.ledger.not_backed_up(),
        failed=_failed(),
        plugged=backup_request.STICK.exists(),
        running=under_way(box.settings.state),
        startable=backup_request.can_ask(box.settings.backup_bell),
    )


def _failed() -> Entry | None:
    """The last try, where it came to nothing; ``detail`` is the error's key."""
    by_box = services().store.audit.newest("backup_failed", "backup")
    return by_box if by_box and by_box.action == "backup_failed" else None
