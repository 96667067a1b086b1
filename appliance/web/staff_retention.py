"""The rule for old cases: what it is, what it would delete now, and deleting that; and which downloads count."""

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from appliance.request_errors import DeletionUnconfirmed, DownloadUnknown, PreviewOutdated, RequestError
from appliance.web.intake import YES
from appliance.web.problems import problem
from appliance.web.services import services

staff_retention = Blueprint("staff_retention", __name__, url_prefix="/staff/retention")

LONGEST_DAYS = 36_500


@staff_retention.get("")
def page() -> str:
    """The rule, and a preview of it, or of any other number of days."""
    return _page(None)


@staff_retention.post("")
def apply() -> Response:
    """Delete exactly what was shown, where "I am sure" is ticked."""
    if request.form.get("sure") not in YES:
        raise DeletionUnconfirmed
    store = services().store
    try:
        preview = store.retention.confirmed(_days(), request.form.get("fingerprint", ""))
    except PreviewOutdated as error:
        return make_response(_page(error), error.status)
    if preview.goes:
        store.delete(*(each.code for each in preview.goes), by="staff")
        store.audit.record("staff", "retention", detail=f"{len(preview.goes)}")
    return make_response(redirect(url_for("staff_retention.page", done=len(preview.goes)), 303))


@staff_retention.post("/kept")
def kept() -> Response:
    """Somebody keeps a downloaded file: its cases count as exported."""
    try:
        numbers = services().store.exports.confirm(request.form.get("download", ""), "staff")
    except DownloadUnknown as error:
        return make_response(_page(error), error.status)
    return make_response(redirect(url_for("staff_retention.page", kept=len(numbers)), 303))


def _page(error: RequestError | None) -> str:
    days = _days()
    return render_template(
        "staff_retention.html",
        error=problem(error) if error else None,
        rule=services().settings.retention_days,
        days=days,
        longest=LONGEST_DAYS,
        preview=services().store.retention.preview(days) if days else None,
        done=request.args.get("done", type=int),
        kept=request.args.get("kept", type=int),
        downloads=services().store.exports.unconfirmed,
    )


def _days() -> int:
    """Those asked for, else the rule's; 0: none."""
    asked = request.values.get("days", type=int)
    days = services().settings.retention_days if asked is None else asked
    return days if 0 < days <= LONGEST_DAYS else 0
