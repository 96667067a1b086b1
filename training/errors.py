"""What training can say no to, where a person must do something. Root and conventions: :mod:`firmware.errors`."""

from appliance.errors import DermkioskError


class StepRefused(ValueError):
    """A step cannot be done with what it was given: an option, a file, the photographs. Its text tells a person why."""


class TrainingError(DermkioskError):
    """A step between photographs and bundle was stopped."""

    key = "training_fault"


class PhotographGone(TrainingError):
    """A photograph that the manifest names is not there, or may not be read."""

    key = "training_photo_gone"


class PhotographUnusable(TrainingError):
    """A photograph that was taken into the manifest can no longer be decoded."""

    key = "training_photo_unusable"


class HelperDied(TrainingError):
    """One of the ``--workers`` processes ended by itself: killed, or out of memory."""

    key = "training_helper_died"


class RunInUse(TrainingError):
    """Another process works in the same folder."""

    key = "training_run_in_use"
