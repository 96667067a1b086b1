"""Errors, as a program reads them (application/problem+json, RFC 9457) and as a person does."""

import logging
from http import HTTPStatus
from typing import Final

from flask import Flask, Response, current_app, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from appliance import messages
from appliance.errors import DecoderBusy, PhotoTooLarge
from appliance.request_errors import (
    ExportBusy,
    MethodWrong,
    PageUnknown,
    RequestError,
    RequestRefused,
    UploadsTooMany,
    UploadUnderWay,
)
from appliance.vision.photo import MAX_BYTES
from appliance.web.language import reader_language
from firmware.errors import DermkioskError, StationBusy

RETRY_S: Final = 15
TOO_EARLY: Final = (StationBusy, ExportBusy, DecoderBusy, UploadUnderWay)
"""Who comes a moment too early is told so, and nothing is broken."""
FROM_HTTP: Final[dict[int | None, type[DermkioskError]]] = {
    403: RequestRefused,
    404: PageUnknown,
    405: MethodWrong,
    413: PhotoTooLarge,
}


def register(app: Flask) -> None:
    """Answer every error of ``app`` in words."""
    app.register_error_handler(DermkioskError, _known)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unknown)


def problem(error: DermkioskError) -> dict[str, object]:
    """The problem document, in the reader's language."""
    language = reader_language()
    return {
        "type": f"urn:dermkiosk:error:{error.key}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "key": error.key,
        "detail": messages.sentence(language, error),
        "remedy": messages.remedy(language, error),
    }


def _known(error: DermkioskError) -> Response:
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        level = logging.INFO if isinstance(error, TOO_EARLY) else logging.ERROR
        current_app.logger.log(level, "%s %s: %s: %s", request.method, request.endpoint, error.key, error.detail)
    response = _as_json(error) if _wants_json() else _as_page(error)
    response.status_code = error.status
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_S)
    if isinstance(error, UploadsTooMany):
        response.headers["Retry-After"] = str(error.values["seconds"])
    return response


def _http(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error  # a redirect
    response = _known(FROM_HTTP.get(error.code, RequestError)(str(error), megabytes=MAX_BYTES // 2**20))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(error.valid_methods)
    return response


def _unknown(error: Exception) -> Response:
    current_app.logger.error("%s %s failed", request.method, request.endpoint, exc_info=error)
    return _known(DermkioskError(str(error)))


def _as_json(error: DermkioskError) -> Response:
    response = jsonify(problem(error))
    response.mimetype = "application/problem+json"
    return response


def _as_page(error: DermkioskError) -> Response:
    return make_response(render_template("error.html", problem=problem(error)))


def _wants_json() -> bool:
    """Programs live under /api; the pages' scripts say what they want."""
    return request.path.startswith("/api/") or (
        request.accept_mimetypes["application/json"] > request.accept_mimetypes["text/html"]
    )
