"""What a request of a browser or a form can be refused for; the other half of :mod:`appliance.errors`."""

from firmware.errors import DermkioskError


class RequestError(DermkioskError):
    """A page or program asked for something it cannot have. Nothing was changed."""

    key = "request_malformed"
    status = 400


class DeletionUnconfirmed(RequestError):
    """The box that says "I am sure" was not ticked."""

    key = "deletion_unconfirmed"


class ExportTooLarge(RequestError):
    """More cases than one download may hold."""

    key = "export_too_large"
    status = 422


class ExportBusy(RequestError):
    """As many downloads as the box has memory for are under way."""

    key = "export_busy"
    status = 503


class NothingToExport(RequestError):
    """None of the cases has an answer yet."""

    key = "nothing_to_export"
    status = 409


class ClinicNameInvalid(RequestError):
    """Empty, too long, or with characters nobody can read."""

    key = "clinic_name_invalid"
    status = 422


class WifiNameInvalid(RequestError):
    """No name a Wi-Fi can have: at most 32 bytes, all of them readable."""

    key = "wifi_name_invalid"
    status = 422


class IdempotencyKeyInvalid(RequestError):
    """Empty, too long or not printable."""

    key = "idempotency_key_invalid"


class RequestRefused(RequestError):
    """Not from here, or not by you."""

    key = "request_refused"
    status = 403


class PageUnknown(RequestError):
    """No such address."""

    key = "page_unknown"
    status = 404


class MethodWrong(RequestError):
    """The address is right, the method is not."""

    key = "method_wrong"
    status = 405


class ConsentMissing(RequestError):
    """Without consent no photo is looked at."""

    key = "consent_missing"
    status = 422


class SiteUnknown(RequestError):
    """No body site, or none the box knows."""

    key = "site_unknown"
    status = 422


class SourceUnknown(RequestError):
    """Neither a phone's camera nor its gallery."""

    key = "source_unknown"
    status = 422


class PhotoMissing(RequestError):
    """The upload has no photo in it."""

    key = "photo_missing"
    status = 422


class PinError(RequestError):
    """Something about the staff's PIN."""

    key = "pin_fault"
    status = 403


class PinUnset(PinError):
    """Nobody has set a PIN yet."""

    key = "pin_unset"


class PinWeak(PinError):
    """Too short, too long, not digits alone, or the first that anybody would try."""

    key = "pin_weak"
    status = 422


class PinMismatch(PinError):
    """The two entries of a new PIN differ."""

    key = "pin_mismatch"
    status = 422


class PinWrong(PinError):
    """Not the PIN."""

    key = "pin_wrong"


class PinWait(PinError):
    """After wrong ones, the next may be tried in some seconds only."""

    key = "pin_wait"
    status = 429


class PinLocked(PinError):
    """Too many wrong ones came from the network; the kiosk opens it again."""

    key = "pin_locked"


class UploadsTooMany(RequestError):
    """More photographs came from one phone, or from all, than the clinic allows in an hour."""

    key = "uploads_too_many"
    status = 429


class LoginNeeded(RequestError):
    """Nobody gave the PIN here, or it is too long ago."""

    key = "login_needed"
    status = 401


class DirectoryInvalid(RequestError):
    """The directory's file has mistakes. The old directory stays."""

    key = "directory_invalid"
    status = 422


class PathwayInvalid(RequestError):
    """A step of the pathway would leave somebody who needs a doctor without one."""

    key = "pathway_invalid"
    status = 422


class PaperFailed(RequestError):
    """The page could not be made into a PDF in time."""

    key = "paper_failed"
    status = 503


class PaperBusy(PaperFailed):
    """Another page is being made into a PDF, and it takes longer than one should wait."""

    key = "paper_busy"


class UploadUnderWay(RequestError):
    """The same upload came before and is still being taken in, and it takes longer than one should wait."""

    key = "upload_under_way"
    status = 503


class DiagnosisInvalid(RequestError):
    """Not a diagnosis of the list, or no evidence for it."""

    key = "diagnosis_invalid"
    status = 422


class NoteInvalid(RequestError):
    """A note without words, or with too many."""

    key = "note_invalid"
    status = 422


class DownloadUnknown(RequestError):
    """Somebody keeps a file that this box does not remember: it was confirmed already, or the box started anew."""

    key = "download_unknown"
    status = 409


class PreviewOutdated(RequestError):
    """What was confirmed is no longer what would be done."""

    key = "preview_outdated"
    status = 409
