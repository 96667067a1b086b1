"""Pages for phones: send a photo, read a result. They work without scripts, too."""

import math

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import FileStorage

from appliance.errors import CaseUnknown
from appliance.request_errors import DeletionUnconfirmed, PageUnknown
from appliance.vision.photo import MAX_BYTES
from appliance.web import paper
from appliance.web.access import PHONE_COOKIE, phone_secret, shown_case
from appliance.web.intake import YES, upload
from appliance.web.language import reader_language
from appliance.web.refusal import marked, offered, refused
from appliance.web.result_view import result_view
from appliance.web.services import place, services
from appliance.web.sites import SITES

phone = Blueprint("phone", __name__)
lan = Blueprint("lan", __name__)


@phone.after_request
def know_again(response: Response) -> Response:
    """Give the phone its secret with the first page, and keep it as long as a link may work.

    That page has taken the link with it (:func:`appliance.web.access.link`). The kiosk's screen is no phone.
    """
    if place() == "network":
        keep_s = round(services().settings.link_hours * 3600)
        response.set_cookie(PHONE_COOKIE, phone_secret(), max_age=keep_s, samesite="Lax", httponly=True)
    return response


@lan.get("/")
def home() -> Response:
    """Who types the bare address wants to send a photo."""
    return make_response(redirect(url_for("phone.send")))


@phone.get("/send")
def send() -> str:
    """The form."""
    after = request.args.get("after", "")
    return render_template("phone_send.html", sites=SITES, max_bytes=MAX_BYTES, after=after, site=_site_of(after))


@phone.post("/send")
def receive() -> Response:
    """The form came without scripts."""
    source, photo = _chosen()
    _, link = upload(services(), photo, request.form, source)
    return make_response(redirect(url_for("phone.result", token=link.token), 303))


@phone.get("/r/<token>")
def result(token: str) -> str:
    """One result, for whoever holds its link."""
    store = services().store
    document = store.document(shown_case())
    if document is None:
        return render_template("phone_waiting.html", token=token, position=store.position(shown_case()))
    view, case = result_view(document), shown_case()
    return render_template(
        "phone_result.html",
        token=token,
        view=view,
        site=case.site,
        hours_left=math.ceil(store.link_left_s(token) / 3600),
        marked=marked(services(), case, view),
        offers=offered(case, document),
    )


@phone.post("/r/<token>/go-on")
def go_on(token: str) -> Response:
    """Answer the refused photo all the same, with a reservation."""
    store = services().store
    if offered(shown_case(), store.document(shown_case())):
        store.reserve(shown_case())
        services().wake()
    return make_response(redirect(url_for("phone.result", token=token), 303))


@phone.get("/r/<token>/refer")
def refer(token: str) -> str:
    """No photo will do: what to do without one."""
    document = services().store.document(shown_case())
    if document is None or not refused(document):
        raise PageUnknown
    return render_template("phone_refer.html", token=token, view=result_view(document), site=shown_case().site)


@phone.get("/r/<token>/print")
def printed(token: str) -> str:
    """The result as a sheet to print."""
    return paper.page("result", shown_case(), _sheet("api.result_pdf", token))


@phone.get("/r/<token>/letter")
def letter(token: str) -> str:
    """A letter to the doctor who is to look."""
    return paper.page("letter", shown_case(), _sheet("api.letter_pdf", token))


@phone.post("/r/<token>/delete")
def delete(token: str) -> str:  # noqa: ARG001  # the link rule looked it up
    """Whoever holds the link may have the photo, the answer and everything made of them deleted."""
    if request.form.get("sure") not in YES:
        raise DeletionUnconfirmed
    services().store.delete(shown_case().code, by="link")
    return render_template("phone_deleted.html")


def _site_of(token: str) -> str:
    """Where the refused photo was taken that a new one is to replace: nobody should have to choose it again."""
    try:
        return services().store.opened(token, request.cookies.get(PHONE_COOKIE)).site if token else ""
    except CaseUnknown:
        return ""


def _sheet(pdf: str, token: str) -> paper.Sheet:
    photo = url_for("api.photo", token=token)
    pdf_url = url_for(pdf, token=token, language=reader_language())
    return paper.Sheet(pdf_url, url_for("phone.result", token=token), photo)


def _chosen() -> tuple[str, FileStorage | None]:
    """The form has two inputs, one opens the camera; the one that was filled counts."""
    for source in ("phone_camera", "phone_gallery"):
        photo = request.files.get(source)
        if photo is not None and photo.filename:
            return source, photo
    return "phone_gallery", None
