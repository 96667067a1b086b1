"""A photo comes in: checked, decoded, kept; the same for the form, the API and the kiosk."""

import hashlib
from collections.abc import Mapping
from typing import Final, get_args

from flask import request
from werkzeug.datastructures import FileStorage

from appliance.cases.links import Link
from appliance.cases.store import Case, Intake, Source
from appliance.errors import CaseUnknown
from appliance.request_errors import ConsentMissing, IdempotencyKeyInvalid, PhotoMissing, SourceUnknown
from appliance.web.refusal import refused
from appliance.web.services import Services
from appliance.web.sites import known_site
from firmware.sequence import Captured

YES: Final = frozenset({"yes", "true", "on", "1"})
MAX_KEY_CHARACTERS: Final = 200
PHONE_SOURCES: Final = tuple(source for source in get_args(Source) if source.startswith("phone"))


def keep(services: Services, intake: Intake) -> tuple[Case, Link]:
    """Store the photo, make its link, wake the worker. Raises :class:`QueueFull` and what the store raises."""
    case = services.store.accept(intake, services.settings.queue_limit)
    link = services.store.link(case, services.settings.link_hours)
    services.wake()
    return case, link


def taken(captured: Captured, site: str, *, simulated: bool) -> Intake:
    """What the box's own camera took, as a photograph to keep."""
    pixels = captured.frame.pixels
    return Intake(
        pixels=pixels,
        sha256=hashlib.sha256(pixels.tobytes()).hexdigest(),
        source="kiosk",
        site=site,
        consent=True,
        capture=captured.conditions(),
        simulated=simulated,
    )


def upload(
    services: Services, photo: FileStorage | None, form: Mapping[str, str], source: str, key: str | None = None
) -> tuple[Case, Link]:
    """Keep a photo that a phone sent with ``site`` and ``consent``; ``key`` makes a repeated upload the same case.

    ``letter``: the photo may be in a referral letter.

    Raises :class:`appliance.request_errors.ConsentMissing`, :class:`SiteUnknown`, :class:`SourceUnknown`,
    :class:`PhotoMissing`, :class:`UploadsTooMany`, :class:`UploadUnderWay`, a :class:`PhotoRefused`,
    :class:`appliance.errors.DecoderBusy`, :class:`QueueFull`, :class:`KeyReused` and another :class:`StoreError`.
    """
    if form.get("consent") not in YES:
        raise ConsentMissing
    site = known_site(form.get("site"))
    if source not in PHONE_SOURCES:
        raise SourceUnknown(repr(source))
    if photo is None or not (photo.filename or photo.mimetype):
        raise PhotoMissing
    data = photo.read()
    sha256 = hashlib.sha256(data).hexdigest()
    with services.turns.one(key):
        earlier = services.store.known(key, sha256)
        if earlier is not None:  # the phone did not hear that it was taken: neither counted nor refused again
            return earlier, services.store.link(earlier, services.settings.link_hours)
        with services.pace.one(request.remote_addr or "", services.settings.uploads_per_hour):
            intake = Intake(
                pixels=services.decode(data, photo.filename or photo.mimetype),
                sha256=sha256,
                source=source,  # type: ignore[arg-type]  # one of PHONE_SOURCES
                site=site,
                consent=True,
                capture=None,
                simulated=services.station.simulated,
                idempotency_key=key,
                consent_photo=form.get("letter") in YES,
                refused_before=_refused_before(services, form.get("after")),
            )
            return keep(services, intake)


def _refused_before(services: Services, token: str | None) -> int:
    """``token``: the link of the refused photograph that this one is to replace. A stranger's counts for nothing."""
    if not token:
        return 0
    try:
        earlier = services.store.by_token(token)
    except CaseUnknown:
        return 0
    return earlier.refused_before + 1 if refused(services.store.document(earlier)) else 0


def checked_key(key: str | None) -> str | None:
    """The Idempotency-Key, if it is printable and at most 200 characters. Raises :class:`IdempotencyKeyInvalid`."""
    if key is not None and not (0 < len(key) <= MAX_KEY_CHARACTERS and key.isascii() and key.isprintable()):
        raise IdempotencyKeyInvalid
    return key
