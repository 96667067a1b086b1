from pathlib import Path

import pytest

from appliance.cases.layout import STAFF_SETTINGS
from appliance.errors import SettingsInvalid
from appliance.messages import text
from appliance.settings import FILE_VARIABLE, Settings, changed, fixed, keep, load, table

ROOT = Path(__file__).parents[1]


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('camera = "synthetic"\nthreads = 2\nkiosk_port = 1000\n')
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    monkeypatch.setenv("DERMKIOSK_THREADS", "3")
    monkeypatch.setenv("DERMKIOSK_KIOSK_PORT", "2000")
    settings = load(kiosk_port=3000, lan_port=None)
    assert (settings.camera, settings.threads, settings.kiosk_port) == ("synthetic", 3, 3000)


@pytest.mark.parametrize(
    "line", ["threads = 0", 'camera = "webcam"', "no_such_setting = 1", "threads = ", "link_hours = -1"]
)
def test_a_wrong_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    (tmp_path / "settings.toml").write_text(line)
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "settings.toml"))
    with pytest.raises(SettingsInvalid):
        load()


def test_a_mistyped_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DERMKIOSK_CAMRA", "synthetic")
    with pytest.raises(SettingsInvalid) as refused:
        load()
    assert refused.value.values["problems"] == "DERMKIOSK_CAMRA"


def test_the_problem_is_named_without_jargon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DERMKIOSK_THREADS", "0")
    with pytest.raises(SettingsInvalid) as refused:
        load()
    assert refused.value.values["problems"] == "threads: Input should be greater than or equal to 1"


def test_a_file_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FILE_VARIABLE, "/no/such/file.toml")
    with pytest.raises(SettingsInvalid):
        load()


def test_hardware_is_never_simulated_unless_named() -> None:
    settings = load()
    assert (settings.camera, settings.light, settings.button, settings.indicator) == (
        "picamera2",
        "gpio",
        "gpio",
        "gpio",
    )


def test_the_page_of_settings_is_up_to_date() -> None:
    assert (ROOT / "docs/settings.md").read_text() == table()


def test_the_staffs_page_has_the_sentences_of_the_table() -> None:
    said = {name: field.description for name, field in Settings.model_fields.items()}
    assert {name: text("en", f"setting.{name}") for name in said} == said


def test_what_staff_changed_wins_over_the_installers_file_and_yields_to_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installers = tmp_path / "settings.toml"
    installers.write_text(f'state = "{tmp_path}"\nlink_hours = 1\nqueue_limit = 1\nthreads = 1\n')
    monkeypatch.setenv(FILE_VARIABLE, str(installers))
    keep(tmp_path, {"link_hours": 2.0, "queue_limit": 2})
    keep(tmp_path, {"language": "en"})
    monkeypatch.setenv("DERMKIOSK_QUEUE_LIMIT", "3")
    settings = load()
    assert (settings.link_hours, settings.queue_limit, settings.language, settings.threads) == (2.0, 3, "en", 1)
    assert (tmp_path / STAFF_SETTINGS).stat().st_mode & 0o777 == 0o600
    assert fixed() == {"queue_limit"}


@pytest.mark.parametrize("line", ['bundle = "/tmp/evil"', "link_hours = -1", "link_hours ="])
def test_a_staff_file_with_what_it_may_not_have_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / STAFF_SETTINGS).write_text(line)
    with pytest.raises(SettingsInvalid):
        load(state=tmp_path)


@pytest.mark.parametrize(
    "values", [{"link_hours": "0"}, {"queue_limit": "many"}, {"bundle": "elsewhere"}, {"language": "fr"}]
)
def test_a_change_out_of_range_or_not_for_staff_is_refused(tmp_path: Path, values: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid):
        changed(load(state=tmp_path), values)


def test_a_change_leaves_the_other_settings_as_they_are(tmp_path: Path) -> None:
    before = load(state=tmp_path, camera="synthetic", kiosk_port=1)
    after = changed(before, {"link_hours": "5"})
    assert after == before.model_copy(update={"link_hours": 5.0})
