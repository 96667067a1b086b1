"""The JSON API, as openapi.yaml describes it."""

from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response, jsonify, request, url_for

from appliance.request_errors import PageUnknown
from appliance.vision import marks
from appliance.web import paper
from appliance.web.access import shown_case
from appliance.web.intake import checked_key, upload
from appliance.web.pictures import PAGE_SIDE_PX, class_map, jpeg
from appliance.web.result_view import result_view
from appliance.web.services import services

RETRY_S: Final = 2
"""An answer takes less than this once its turn has come."""

api = Blueprint("api", __name__, url_prefix="/api/v1")


@api.post("/photos")
def add_photo() -> Response:
    """Take a photo: 202 and where its result will be."""
    source = request.form.get("source", "phone_gallery")
    key = checked_key(request.headers.get("Idempotency-Key"))
    case, link = upload(services(), request.files.get("photo"), request.form, source, key)
    result_url = url_for("api.result", token=link.token)
    response = jsonify(
        case=case.code,
        result_url=result_url,
        page_url=url_for("phone.result", token=link.token),
        position=services().store.position(case),
    )
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = result_url
    return response


@api.get("/results/<token>")
def result(token: str) -> Response:  # noqa: ARG001  # the link rule looked it up
    """The result document, or 202 with the place in the queue."""
    document = services().store.document(shown_case())
    if document is not None:
        return jsonify(document)
    response = jsonify(state="queued", position=services().store.position(shown_case()))
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Retry-After"] = str(RETRY_S)
    return response


@api.get("/results/<token>/map/<class_id>.png")
def activation_map(token: str, class_id: str) -> Response:  # noqa: ARG001  # the link rule looked it up
    """The photo under the map of one class: where the network saw what speaks for it."""
    return class_map(shown_case(), class_id)


@api.get("/results/<token>/marked.jpg")
def marked(token: str) -> Response:  # noqa: ARG001  # the link rule looked it up
    """The photo with the place of what was wrong with it, where it has one."""
    document = services().store.document(shown_case())
    view = None if document is None else result_view(document)
    if view is None or view.outcome != "cannot_assess" or not view.reasons:
        raise PageUnknown
    picture = marks.marked(services().store.photo(shown_case()), view.reasons[0])
    if picture is None:
        raise PageUnknown
    return Response(picture, mimetype="image/jpeg")


@api.get("/results/<token>/result.pdf")
def result_pdf(token: str) -> Response:  # noqa: ARG001  # the link rule looked it up
    """The result as a PDF to print or keep."""
    return paper.pdf("result", shown_case())


@api.get("/results/<token>/letter.pdf")
def letter_pdf(token: str) -> Response:  # noqa: ARG001  # the link rule looked it up
    """The referral letter as a PDF."""
    return paper.pdf("letter", shown_case())


@api.get("/results/<token>/photo.jpg")
def photo(token: str) -> Response:  # noqa: ARG001  # the link rule looked it up
    """The photo, 1024 px at most."""
    return jpeg(services().store.photo(shown_case()), PAGE_SIDE_PX)
