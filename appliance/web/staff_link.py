"""Staff give a patient's phone a new code: the old link was lost, or was opened by another phone."""

from flask import Blueprint, render_template, url_for

from appliance.web import qr
from appliance.web.services import services

staff_link = Blueprint("staff_link", __name__, url_prefix="/staff/cases/<code>/link")


@staff_link.post("")
def renew(code: str) -> str:
    """Show a new code; every earlier link of the case stops working. Raises :class:`CaseUnknown`."""
    box = services()
    case, hours = box.store.case(code), box.settings.link_hours
    path = url_for("phone.result", token=box.store.link(case, hours, by="staff").token)
    return render_template("staff_link.html", case=case, hours=f"{hours:g}", wifi=qr.wifi_code(), **qr.link_code(path))
