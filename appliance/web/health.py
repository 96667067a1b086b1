"""How the box is. Nothing of a patient."""

from http import HTTPStatus

from flask import Blueprint, Response, jsonify

from appliance.health.result import Result
from appliance.web.language import translate
from appliance.web.services import services

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Response:
    """200 where every check is content, else 503; each with its sentence."""
    checks = services().checks()
    well = all(check.ok for check in checks)
    response = jsonify(
        status="ok" if well else "fault",
        checks=[
            {"id": check.id, "ok": check.ok, "message": translate(check.message), "reading": reading(check)}
            for check in checks
        ],
    )
    response.status_code = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    return response


def reading(check: Result) -> str | None:
    """What the check measured in the reader's words, where it measured something."""
    return translate(check.reading, **check.values) if check.reading else None
