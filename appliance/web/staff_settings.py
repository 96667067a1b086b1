"""The settings: what staff may change, with range and sentence, and what the installer set."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from appliance import settings as box_settings
from appliance.cases.faults import storage_faults
from appliance.cases.setup import LONGEST_NAME
from appliance.errors import SettingsInvalid
from appliance.request_errors import ClinicNameInvalid, WifiNameInvalid
from appliance.settings import Settings
from appliance.web.problems import problem
from appliance.web.services import services

staff_settings = Blueprint("staff_settings", __name__, url_prefix="/staff/settings")

UNPROCESSABLE: Final = 422
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class Row:
    """One setting as the page shows it."""

    name: str
    value: object
    default: object
    unit: str
    choices: tuple[str, ...]
    bounds: str
    low: float | None
    high: float | None
    whole: bool
    when: str | None
    """When a change counts, "now" or "restart"; ``None``: not for staff."""
    fixed: bool
    """The environment gives it."""


@staff_settings.get("")
def page() -> str:
    """All of them."""
    return _page(None)


@staff_settings.post("")
def change() -> Response:
    """Keep what staff changed; nothing of it where one value is wrong."""
    box = services()
    wanted = {name: request.form[name].strip() for name in _open() if name in request.form}
    try:
        new = box_settings.changed(box.settings, wanted)
    except SettingsInvalid as error:
        return make_response(_page(error, wanted), UNPROCESSABLE)
    differing = {name: getattr(new, name) for name in wanted if getattr(new, name) != getattr(box.settings, name)}
    if differing:
        with storage_faults():
            box_settings.keep(box.settings.state, differing)
        box.settings = new
        box.store.audit.record("staff", "settings", detail=", ".join(differing))
    restart = any(box_settings.for_staff()[name] == "restart" for name in differing)
    return make_response(redirect(url_for("staff_settings.page", kept="restart" if restart else "now"), 303))


@staff_settings.post("/clinic")
def rename() -> Response:
    """Other names for the clinic and its Wi-Fi: on the screen, the Wi-Fi card and paper from now on."""
    kept = services().store.setup
    before = (kept.clinic, kept.wifi)
    try:
        kept.keep_names(request.form.get("clinic", ""), request.form.get("wifi", ""))
    except (ClinicNameInvalid, WifiNameInvalid) as error:
        return make_response(_page(error), error.status)
    if (kept.clinic, kept.wifi) != before:
        services().store.audit.record("staff", "settings", detail="clinic")
    return make_response(redirect(url_for("staff_settings.page", kept="now"), 303))


def rows(settings: Settings) -> list[Row]:
    """Every setting in the order of the table."""
    properties = Settings.model_json_schema()["properties"]
    return [_row(name, properties[name], settings) for name in Settings.model_fields]


def _page(
    error: SettingsInvalid | ClinicNameInvalid | WifiNameInvalid | None, typed: Mapping[str, str] = NOTHING
) -> str:
    """``typed``: what was not kept. Each value that is wrong by itself is named; else it is what ``error`` says."""
    every = rows(services().settings)
    wrong = [each for each in every if each.name in typed and not _usable(each.name, typed[each.name])]
    return render_template(
        "staff_settings.html",
        error=problem(error) if error and not wrong else None,
        typed=typed,
        wrong=wrong,
        kept=request.args.get("kept"),
        clinic=services().store.setup,
        longest=LONGEST_NAME,
        mine=[each for each in every if each.when],
        others=[each for each in every if not each.when],
    )


def _usable(name: str, text: str) -> bool:
    try:
        box_settings.changed(services().settings, {name: text})
    except SettingsInvalid:
        return False
    return True


def _open() -> list[str]:
    """What may be changed here and now."""
    return [name for name in box_settings.for_staff() if name not in box_settings.fixed()]


def _row(name: str, about: dict[str, Any], settings: Settings) -> Row:
    kinds = about.get("anyOf", [about])
    known = {key: value for kind in kinds for key, value in kind.items()}
    return Row(
        name=name,
        value=getattr(settings, name),
        default=about.get("default"),
        unit=about.get("unit", ""),
        choices=tuple(about.get("enum", ())),
        bounds=box_settings.bounds(known),
        low=known.get("minimum", known.get("exclusiveMinimum")),
        high=known.get("maximum"),
        whole=known.get("type") == "integer",
        when=box_settings.for_staff().get(name),
        fixed=name in box_settings.fixed(),
    )
