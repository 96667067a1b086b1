"""Codes that the kiosk's own camera reads."""

import re
from collections.abc import Callable
from typing import Final

import zxingcpp

from appliance.cases import codes
from appliance.errors import CaseUnknown, CodeMisread
from appliance.vision.photo import Pixels

CODE: Final = re.compile(rf"\b[{codes.ALPHABET}]{{4}}-?[{codes.ALPHABET}]{{2}}\b")


def read(pixels: Pixels) -> str | None:
    """The text of a QR code in uint8 RGB pixels (H×W×3), whichever way it is turned; ``None``: there is none."""
    found = zxingcpp.read_barcode(pixels, formats=zxingcpp.BarcodeFormats((zxingcpp.BarcodeFormat.QRCode,)))
    return found.text if found is not None and found.text else None


def first_known(text: str, known: Callable[[str], str]) -> str:
    """What ``known`` says to the first code in ``text``: a code alone, or a document with one in it.

    Raises :class:`CodeMisread` where there is no code, or what ``known`` raises to the last.
    """
    unknown: CaseUnknown = CodeMisread("no code in it")
    for code in CODE.findall(text):
        try:
            return known(code)
        except CaseUnknown as error:
            unknown = error
    raise unknown
