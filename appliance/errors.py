"""What the appliance can say no to. Root and conventions: :mod:`firmware.errors`."""

from firmware.errors import DermkioskError as DermkioskError  # re-exported: the tree has one root


class PhotoRefused(DermkioskError):
    """A file that cannot be taken as a photograph. Nothing was stored."""

    key = "photo_refused"
    status = 422


class PhotoUnreadable(PhotoRefused):
    """There is no such file, or it may not be read."""

    key = "photo_unreadable"


class PhotoEmpty(PhotoRefused):
    """The file has no bytes."""

    key = "photo_empty"


class PhotoTooLarge(PhotoRefused):
    """The file has more bytes than the box takes."""

    key = "photo_too_large"
    status = 413


class PhotoTooManyPixels(PhotoRefused):
    """The header announces more pixels than the box decodes: a decompression bomb, or a scan."""

    key = "photo_too_many_pixels"


class PhotoTooFewPixels(PhotoRefused):
    """Too small a picture to show a lesion."""

    key = "photo_too_few_pixels"


class PhotoUnknownFormat(PhotoRefused):
    """Not a JPEG, PNG, WebP or HEIC file."""

    key = "photo_unknown_format"
    status = 415


class PhotoMislabelled(PhotoRefused):
    """The name or the media type says one format, the content is another."""

    key = "photo_mislabelled"
    status = 415


class PhotoDamaged(PhotoRefused):
    """Truncated or corrupt."""

    key = "photo_damaged"


class PhotoTooSlow(PhotoRefused):
    """Decoding took longer than the limit."""

    key = "photo_too_slow"


class DecoderBusy(DermkioskError):
    """Other photographs are being decoded, and they take longer than one should wait."""

    key = "decoder_busy"
    status = 503


class SettingsInvalid(DermkioskError):
    """A settings file or variable has a value out of range or an unknown name."""

    key = "settings_invalid"


class BoxSilent(DermkioskError):
    """No box answers on this machine."""

    key = "box_silent"
    status = 503


class ModelError(DermkioskError):
    """The model bundle cannot be trusted or run."""

    key = "model_fault"
    status = 503


class BundleMissing(ModelError):
    """There is no bundle in the folder."""

    key = "bundle_missing"


class BundleAltered(ModelError):
    """A file of the bundle does not have the hash that bundle.json states."""

    key = "bundle_altered"


class BundleInvalid(ModelError):
    """bundle.json does not say what the box needs to know."""

    key = "bundle_invalid"


class GateMissing(ModelError):
    """The bundle has no limits for the photograph checks, and the caller did not ask to do without."""

    key = "gate_missing"


class RuntimeMissing(ModelError):
    """Neither ai-edge-litert nor tflite-runtime is installed."""

    key = "runtime_missing"


class RuntimeBroken(ModelError):
    """The runtime is installed but cannot be loaded."""

    key = "runtime_broken"


class DelegateMissing(ModelError):
    """The network would run without XNNPACK, fifteen times slower."""

    key = "delegate_missing"


class GoldenMismatch(ModelError):
    """The golden photograph's answer is not the one the bundle states."""

    key = "golden_mismatch"


class StoreError(DermkioskError):
    """The case store did not keep or find something."""

    key = "store_fault"


class StoreFull(StoreError):
    """No room for another photograph."""

    key = "store_full"
    status = 507


class QueueFull(StoreError):
    """Too many photographs are waiting."""

    key = "queue_full"
    status = 503


class CaseUnknown(StoreError):
    """No such case, or its link expired or was revoked: all alike from outside."""

    key = "case_unknown"
    status = 404


class KeyReused(StoreError):
    """An Idempotency-Key came again with another photograph."""

    key = "key_reused"
    status = 409


class CodeMisread(CaseUnknown):
    """What was typed cannot be a case code: a character is wrong, missing or in the wrong place."""

    key = "code_misread"


class PatientUnknown(CaseUnknown):
    """No case of the box belongs to a patient with this code."""

    key = "patient_unknown"


class PhotoLost(StoreError):
    """The file of an accepted photograph is gone or damaged."""

    key = "photo_lost"


class ProcessingStopped(StoreError):
    """The program ended each time it worked on this photograph."""

    key = "processing_stopped"


class ErasureUnfinished(StoreError):
    """A case was deleted, but its photograph or its traces in the database are not yet erased."""

    key = "erasure_unfinished"


class StoreBusy(StoreError):
    """Another thread or program keeps the database for too long."""

    key = "store_busy"
    status = 503


class StoreInUse(StoreError):
    """Another program has opened the same folder of cases."""

    key = "store_in_use"


class LocksMissing(StoreError):
    """The file system has no file locks, which keep two programs out of each other's work."""

    key = "locks_missing"


class StateFolderForeign(StoreError):
    """The folder for the cases holds somebody else's things; nothing was touched."""

    key = "state_folder_foreign"


class DatabaseTooNew(StoreError):
    """A newer version of this program wrote the database."""

    key = "database_too_new"


class DatabaseDamaged(StoreError):
    """The database cannot be read, or is gone while its photographs are there."""

    key = "database_damaged"


class ClockError(DermkioskError):
    """The clock was not set."""

    key = "clock_fault"


class ClockUnsettable(ClockError):
    """There is nobody here who may set it, or no answer."""

    key = "clock_unsettable"
    status = 503


class ClockImplausible(ClockError):
    """A time the box does not believe."""

    key = "clock_implausible"
    status = 422


class TimeMissing(ClockError):
    """No time was given, or none that can be read."""

    key = "time_missing"
    status = 422


class ClockUnverified(ClockError):
    """Nobody has said what time it is, and dates are needed."""

    key = "clock_unverified"


class TlsUnmade(DermkioskError):
    """No certificate could be made."""

    key = "tls_unmade"


class FileUnwritable(DermkioskError):
    """A file that a command was told to make cannot be written there."""

    key = "file_unwritable"


class SecretsMissing(DermkioskError):
    """The first start has not made the box's name yet, or its file cannot be read."""

    key = "secrets_missing"


class DatabaseMissing(StoreError):
    """The folder has no database yet: no kiosk was started on it."""

    key = "database_missing"


class CaseNotExportable(DermkioskError):
    """There is no such case, or it has no answer yet."""

    key = "case_not_exportable"
    status = 409


class BackupError(DermkioskError):
    """A backup, a restoration or an export did not come about."""

    key = "backup_fault"


class BackupUnderWay(BackupError):
    """Another backup is being made."""

    key = "backup_under_way"
    status = 409


class BackupUnstartable(BackupError):
    """This machine starts no backup when a page asks for one: it was not installed as a box."""

    key = "backup_unstartable"
    status = 503


class BackupDamaged(BackupError):
    """A file of the backup is damaged, missing, or sealed with another key."""

    key = "backup_damaged"


class BackupMissing(BackupError):
    """There is no backup on the stick, or none for this key."""

    key = "backup_missing"


class RecoveryKeyMissing(BackupError):
    """The box was given no recovery key, or may not read it."""

    key = "recovery_key_missing"


class RecoveryKeyInvalid(BackupError):
    """Not a recovery key: a character is missing, or cannot be in one."""

    key = "recovery_key_invalid"


class RestoreTargetTaken(BackupError):
    """The folder to restore into holds something already."""

    key = "restore_target_taken"


class ExportTargetTaken(BackupError):
    """There is a file or folder of the export's name already."""

    key = "export_target_taken"


class StickError(BackupError):
    """The stick, or the folder that stands for it."""

    key = "stick_fault"


class StickMissing(StickError):
    """There is no stick."""

    key = "stick_missing"


class StickFull(StickError):
    """No room on the stick."""

    key = "stick_full"


class StickFailed(StickError):
    """The stick cannot be read or written any more: pulled out, write-protected or broken."""

    key = "stick_failed"


class PortTaken(DermkioskError):
    """Another program listens on the port."""

    key = "port_taken"
