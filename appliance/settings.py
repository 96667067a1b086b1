"""Every setting of the box: one table, read from a TOML file and the environment (``DERMKIOSK_<NAME>``).

What staff change on their page is in :data:`STAFF_SETTINGS` in the state folder. It wins over the installer's file; the
environment and the command line win over it.

docs/settings.md is generated from this file: ``python -m appliance.settings > docs/settings.md``.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast

from pydantic import Field, ValidationError
from pydantic.config import JsonDict
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from appliance.cases.layout import STAFF_SETTINGS
from appliance.errors import SettingsInvalid
from appliance.files import write_atomically

PREFIX: Final = "DERMKIOSK_"
FILE_VARIABLE: Final = "DERMKIOSK_SETTINGS"
TEST_VARIABLE: Final = "DERMKIOSK_TEST_PHOTOS"
DEFAULT_FILE: Final = Path("/etc/dermkiosk/settings.toml")

BOUNDS: Final = {"minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}"}
STAFF_WORDS: Final = {None: "", "now": "yes", "restart": "yes, after a restart"}

Port = Annotated[int, Field(ge=0, le=65535)]


def _unit(name: str) -> JsonDict:
    return {"unit": name}


def _staff(when: Literal["now", "restart"], unit: str = "") -> JsonDict:
    """Staff may change it on their page; it counts from now on, or from the next start."""
    return {"unit": unit, "staff": when}


class Settings(BaseSettings):
    """What an installer or a clinic may change. The field's description is the sentence people read."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    camera: str = Field(
        "picamera2",
        pattern=r"^(picamera2|synthetic|folder:.+)$",
        description="The camera: picamera2, synthetic (draws skin), or folder:PATH (shows photographs).",
    )
    light: Literal["gpio", "simulated"] = Field("gpio", description="The ring light.")
    button: Literal["gpio", "simulated", "terminal"] = Field(
        "gpio", description="The button. terminal: simulated, and pressed by the Enter key."
    )
    indicator: Literal["gpio", "simulated"] = Field("gpio", description="The indicator light.")
    light_pin: int = Field(
        18, ge=0, le=27, description="GPIO of the ring light's dimmer.", json_schema_extra=_unit("BCM")
    )
    button_pin: int = Field(17, ge=0, le=27, description="GPIO of the button.", json_schema_extra=_unit("BCM"))
    indicator_pins: tuple[int, int, int] = Field(
        (22, 23, 24), description="GPIOs of the indicator's red, green and blue.", json_schema_extra=_unit("BCM")
    )
    light_level: float = Field(0.8, gt=0, le=1, description="Brightness of the ring light, share of full.")

    state: Path = Field(Path("/var/lib/dermkiosk"), description="Folder of photographs and database.")
    bundle: Path = Field(
        Path("models/skin8-inceptionv3"),
        description="Folder of the model bundle; a relative path starts where the program is installed.",
    )
    threads: int = Field(4, ge=1, le=16, description="Processor cores one inference may use.")

    language: Literal["zh", "en"] = Field(
        "zh", description="Language of the kiosk at the start of each visit.", json_schema_extra=_staff("now")
    )
    kiosk_port: Port = Field(8080, description="Port of the kiosk, on the loopback address only. 0: any free one.")
    lan_port: Port = Field(8000, description="Port for phones on the local network. 0: any free one.")
    lan_bind: str = Field("0.0.0.0", description="Address the phones' port listens on.")  # noqa: S104  # phones are the point
    lan_address: str | None = Field(None, description="Address in QR codes. If not given, the box finds it itself.")
    network: Literal["auto", "hotspot", "system"] = Field(
        "auto",
        description="hotspot: the box makes its own Wi-Fi. system: it uses the system's network. auto: its own"
        " Wi-Fi if the system knows no other.",
    )
    hotspot_file: Path = Field(
        Path("/etc/dermkiosk/secrets/hotspot.toml"),
        description="Name and passphrase of the box's own Wi-Fi, made at the first start.",
    )
    clock_socket: Path = Field(
        Path("/run/dermkiosk-clock.sock"), description="Where the box asks its helper to set the clock."
    )
    tls: bool = Field(
        False, description="Phones use TLS (docs/tls.md). Their own port is then on the loopback address only."
    )
    link_hours: float = Field(
        72, gt=0, le=24 * 90, description="How long a result's link works.", json_schema_extra=_staff("now", "h")
    )
    queue_limit: int = Field(
        50,
        ge=1,
        le=1000,
        description="Photographs that may wait. Further uploads are asked to come later.",
        json_schema_extra=_staff("now"),
    )
    uploads_per_hour: int = Field(
        60,
        ge=1,
        le=100_000,
        description="Photographs that one network address may send in an hour; all addresses together: five times as "
        "many. Phones behind a router that hides their addresses (NAT) count as one.",
    )

    staff_minutes: float = Field(
        20,
        ge=1,
        le=240,
        description="How long staff stay logged in on a phone or laptop that they do not touch.",
        json_schema_extra=_staff("restart", "min"),
    )

    backup_key: Path = Field(
        Path("/etc/dermkiosk/secrets/backup-key"), description="File with the recovery key that seals backups."
    )
    backup_bell: Path = Field(
        Path("/run/dermkiosk/backup-wanted"),
        description="Changing this file starts a backup.",
    )
    backup_keep: int = Field(7, ge=1, le=100, description="How many backups are kept on a stick.")
    retention_days: int = Field(
        0,
        ge=0,
        le=36500,
        description="Exported cases older than this are deleted. 0: cases are never deleted.",
        json_schema_extra=_staff("now", "d"),
    )

    @property
    def bundle_folder(self) -> Path:
        """``bundle``, absolute."""
        return Path(__file__).resolve().parents[1] / self.bundle

    @property
    def calibration_file(self) -> Path:
        """Where the camera's calibration is kept."""
        return self.state / "station" / "calibration.json"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line first, then environment, then what staff changed, then the installer's TOML file."""
        del dotenv_settings, file_secret_settings
        installers = TomlConfigSettingsSource(settings_cls, _file())
        given = [source().get("state") for source in (init_settings, env_settings, installers)]
        state = next((each for each in given if each), settings_cls.model_fields["state"].default)
        staffs = TomlConfigSettingsSource(settings_cls, _staff_file(Path(state)))
        return init_settings, env_settings, staffs, installers


def load(**overrides: Any) -> Settings:
    """Read the settings. Raises :class:`SettingsInvalid` with the offending names."""
    given = {name: value for name, value in overrides.items() if value is not None}
    unknown = sorted(set(_variables()) - {f"{PREFIX}{name.upper()}" for name in Settings.model_fields})
    if unknown:
        raise SettingsInvalid(f"unknown variables {unknown}", problems=", ".join(unknown))
    try:
        return Settings(**given)
    except ValidationError as invalid:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in invalid.errors())
        raise SettingsInvalid(problems, problems=problems) from invalid
    except (ValueError, OSError) as unreadable:  # TOML errors are ValueErrors
        raise SettingsInvalid(str(unreadable), problems=str(unreadable)) from unreadable


def _variables() -> list[str]:
    """Environment variables that mean to be settings; the file's own name and the tests' aside."""
    return [name for name in os.environ if name.startswith(PREFIX) and name not in (FILE_VARIABLE, TEST_VARIABLE)]


def _file() -> Path | None:
    """The file the environment names must exist; the default one may be missing."""
    named = os.environ.get(FILE_VARIABLE)
    if named and not Path(named).is_file():
        raise SettingsInvalid(f"{FILE_VARIABLE} names {named}, which is not a file", problems=named)
    return Path(named) if named else (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)


def for_staff() -> dict[str, Literal["now", "restart"]]:
    """The settings that staff may change, and when a change counts."""
    extras = {name: field.json_schema_extra for name, field in Settings.model_fields.items()}
    found = {name: extra["staff"] for name, extra in extras.items() if isinstance(extra, dict) and "staff" in extra}
    return cast("dict[str, Literal['now', 'restart']]", found)


def fixed() -> frozenset[str]:
    """The settings that the environment gives: nobody can change them on a page."""
    return frozenset(name for name in Settings.model_fields if f"{PREFIX}{name.upper()}" in os.environ)


def changed(current: Settings, values: Mapping[str, object]) -> Settings:
    """``current`` with other values, checked. Raises :class:`SettingsInvalid` with the offending names."""
    refused = sorted(set(values) - set(for_staff()) | set(values) & fixed())
    if refused:
        raise SettingsInvalid(f"not for staff: {refused}", problems=", ".join(refused))
    return load(**{name: getattr(current, name) for name in Settings.model_fields} | dict(values))


def keep(state: Path, values: Mapping[str, object]) -> None:
    """Write what staff changed to the state folder, beside what they changed before. Raises ``OSError``."""
    path = state / STAFF_SETTINGS
    before = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in {**before, **values}.items()]
    write_atomically(path, "".join(lines).encode())


def _staff_file(state: Path) -> Path | None:
    """The file of the state folder, if there is one. Raises :class:`SettingsInvalid` where it has what it may not."""
    path = state / STAFF_SETTINGS
    if not path.is_file():
        return None
    refused = sorted(set(tomllib.loads(path.read_text(encoding="utf-8"))) - set(for_staff()))
    if refused:
        raise SettingsInvalid(f"{path} has {refused}", problems=", ".join(refused))
    return path


def table() -> str:
    """The settings as a Markdown page."""
    lines = [
        "# Settings",
        "",
        "Generated by `python -m appliance.settings`. Set them in `/etc/dermkiosk/settings.toml`, or in the",
        "environment as `DERMKIOSK_<NAME>`; the environment wins. The last column marks what staff may change on their",
        "page. Their changes are in `staff-settings.toml` in the state folder, which wins over `settings.toml`.",
        "",
        "| name | type | default | unit | range | what it does | staff |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    properties = Settings.model_json_schema()["properties"]
    return "\n".join(lines + [_row(name, about) for name, about in properties.items()]) + "\n"


def _row(name: str, about: dict[str, Any]) -> str:
    scope = " or ".join(f"`{choice}`" for choice in about.get("enum", [])) or bounds(about)
    kind = about.get("type") or " or ".join(each["type"] for each in about["anyOf"]).replace("null", "nothing")
    default = "" if about.get("default") is None else f"`{about['default']}`"
    return (
        f"| `{name}` | {kind} | {default} | {about.get('unit', '')} | {scope} | {about['description']}"
        f" | {STAFF_WORDS[about.get('staff')]} |"
    )


def bounds(about: Mapping[str, Any]) -> str:
    """The range of a setting, of its entry in the JSON schema; empty where it has none."""
    return ", ".join(text.format(about[key]) for key, text in BOUNDS.items() if key in about)


if __name__ == "__main__":
    print(table(), end="")
