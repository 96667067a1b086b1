"""dermkiosk: the box's commands."""

import json
import logging
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import click

from appliance import calibration_lead, hotspot
from appliance.calibrate import Dialogue, from_step, print_card, state, workbench
from appliance.cases import pin
from appliance.cases.pathway import DEFAULTS
from appliance.cases.setup import is_done
from appliance.classify import Classifier
from appliance.cli_storage import COMMANDS
from appliance.directory import import_directory
from appliance.errors import BoxSilent, SecretsMissing
from appliance.heartbeat import last_words
from appliance.lan import address
from appliance.messages import Language, remedy, sentence, text
from appliance.request_errors import PinMismatch
from appliance.self_check import LATER, self_check
from appliance.serve import opened_station
from appliance.serve import serve as run_box
from appliance.settings import Settings, load
from appliance.spoken import LANGUAGE, said_plainly
from appliance.tls import Ports
from appliance.tls import make as make_tls
from appliance.vision.assessor import Assessor
from appliance.web.next_step import how_soon
from appliance.web.result_view import percent
from firmware.calibration import STEPS, Condition, StepName
from firmware.errors import CalibrationDamaged, CalibrationError, DermkioskError, GpioMissing, LightError
from firmware.station import Station

BUNDLE = click.option(
    "--bundle", type=click.Path(file_okay=False, resolve_path=True), help="folder of the model bundle"
)

PARTS: Final[dict[type[DermkioskError], str]] = {
    GpioMissing: "pins",
    LightError: "light",
    CalibrationError: "calibration",
}
"""A photograph needs them, too: what fails in one of them is not called a fault of the camera."""


@click.group(context_settings={"max_content_width": 100})
def main() -> None:
    """The skin-screening kiosk.

    \b
    Examples:
      dermkiosk serve --camera synthetic --light simulated --button simulated --indicator simulated
      dermkiosk classify --json photo.jpg
      dermkiosk doctor
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it counts every waiting request


@main.command()
@click.option("--camera", help="picamera2, synthetic, or folder:PATH")
@click.option("--light", type=click.Choice(["gpio", "simulated"]))
@click.option("--button", type=click.Choice(["gpio", "simulated", "terminal"]), help="terminal: Enter presses it")
@click.option("--indicator", type=click.Choice(["gpio", "simulated"]))
@click.option("--state", type=click.Path(file_okay=False), help="folder of photographs and database")
@BUNDLE
@click.option("--kiosk-port", type=click.IntRange(0, 65535), help="0: any free one")
@click.option("--lan-port", type=click.IntRange(0, 65535), help="0: any free one")
def serve(**options: Any) -> None:
    """Start the kiosk and the phones' pages; runs until stopped.

    What is not given here comes from the environment and the settings file.

    \b
    Example, without a Raspberry Pi:
      dermkiosk serve --camera synthetic --light simulated --button simulated --indicator simulated --state var
    """
    with said_plainly("en"), last_words():
        run_box(load(**options), click.echo)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="one result document a line (JSON Lines)")
@click.option("--no-gate", is_flag=True, help="answer even where the quality gate would refuse (for evaluation)")
@BUNDLE
@LANGUAGE
def classify(paths: tuple[Path, ...], as_json: bool, no_gate: bool, bundle: str | None, language: Language) -> None:
    """Classify photographs, in the order given; an unreadable one is said so, and the others go on.

    \b
    Example:
      dermkiosk classify --json left-arm.jpg right-arm.heic
    """
    with said_plainly(language), Classifier(load(bundle=bundle), use_gate=not no_gate) as classifier:
        for path in paths:
            document = classifier.document(path)
            click.echo(json.dumps(document, ensure_ascii=False) if as_json else _summary(document, language))


@main.command()
@click.argument("file", type=click.File("rb"))
@click.option("--check", is_flag=True, help="only say what is wrong with it, and change nothing")
@click.option("--state", type=click.Path(file_okay=False), help="folder of photographs and database")
@LANGUAGE
def directory(file: BinaryIO, check: bool, state: str | None, language: Language) -> None:
    """Import the referral directory from a CSV file; the kiosk may run meanwhile.

    The old directory stays until every line of the new one is right. "-" reads what is piped in: on the box the program
    may not look into your home folder.

    \b
    Example:
      dermkiosk directory --check hospitals.csv
      sudo dermkiosk directory - < hospitals.csv
    """
    with said_plainly(language):
        for line in import_directory(load(state=state), file.read(), language, check=check):
            click.echo(line)


@main.command()
@click.option("--state", type=click.Path(file_okay=False), help="folder of photographs and database")
@LANGUAGE
def doctor(state: str | None, language: Language) -> None:
    """Check the model and the devices, and say in plain words what is wrong.

    \b
    Example:
      DERMKIOSK_CAMERA=synthetic DERMKIOSK_LIGHT=simulated DERMKIOSK_BUTTON=simulated \\
        DERMKIOSK_INDICATOR=simulated dermkiosk doctor
    """
    with said_plainly(language):
        settings = load(state=state)
    results = [
        _examined("model", language, lambda: Assessor.open(settings.bundle_folder, settings.threads)),
        _examined("camera", language, lambda: _take_one(settings, language)),
    ]
    done = is_done(settings.state)  # one that is not works, so this is a word and no failure
    click.echo(f"{'✓' if done else '!'} {text(language, 'health.setup.ok' if done else 'health.setup.missing')}")
    raise SystemExit(0 if all(results) else 1)


@main.command()
@click.option("--from", "first", type=click.Choice(STEPS), default=STEPS[0], show_default=True, help="begin here")
@click.option("--check", is_flag=True, help="only look whether the colours have drifted (daily)")
@click.option("--repeat", is_flag=True, help="only photograph the same card twenty times, and print the ΔE spread")
@click.option("--print-card", "card", type=click.Path(dir_okay=False, path_type=Path), help="write the cards as SVG")
@LANGUAGE
def calibrate(first: StepName, check: bool, repeat: bool, card: Path | None, language: Language) -> None:
    """Calibrate camera and ring light with the printed cards, step by step; each step is kept when it succeeded.

    The kiosk must not run meanwhile: it has the camera.

    \b
    Example:
      dermkiosk calibrate --print-card card.svg
      dermkiosk calibrate
      dermkiosk calibrate --check
    """
    dialogue = Dialogue(language, click.echo, lambda sentence: click.prompt(sentence, default="", show_default=False))
    with said_plainly(language):
        if card is not None:
            print_card(card)
            return
        with workbench(load(), dialogue) as bench:
            if check or repeat:
                (bench.check if check else bench.repeat)()
            else:
                bench.run(from_step(first))


@main.command("staff-pin")
@click.option("--state", type=click.Path(file_okay=False), help="folder of photographs and database")
@LANGUAGE
def staff_pin(state: str | None, language: Language) -> None:
    """Set the staff's PIN: the first, or a new one where nobody knows the old one any more.

    It asks twice, and works while the kiosk runs. Whoever is logged in must log in again; a locked log-in is opened.

    \b
    Example:
      sudo dermkiosk staff-pin
    """
    with said_plainly(language), pin.opened(load(state=state).state) as kept:
        chosen = click.prompt(text(language, "cli.pin.new"), hide_input=True)
        if click.prompt(text(language, "cli.pin.again"), hide_input=True) != chosen:
            raise PinMismatch("the two entries differ")
        kept.set(chosen, "installer")
        click.echo(text(language, "cli.pin.done"))


@main.command()
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=Path("/etc/dermkiosk/tls"), show_default=True
)
@LANGUAGE
def tls(folder: Path, language: Language) -> None:
    """Make this box's own authority and certificate, for phones that need TLS; again after its address changed.

    \b
    Example:
      sudo dermkiosk tls
    """
    with said_plainly(language):
        settings = load()
        own = hotspot.load(settings.hotspot_file)
        if own is None:
            raise SecretsMissing(str(settings.hotspot_file))
        authority = make_tls(folder, own, address(settings.lan_address), Ports(settings.lan_port))
        click.echo(text(language, "tls.made", authority=authority, host=own.host))


@main.command("self-check")
@LANGUAGE
def check_colours(language: Language) -> None:
    """Ask the running box whether its colours have drifted, by the grey cap on its cup. systemd's timer does it daily.

    Exit status 75: somebody is at the kiosk, ask again later.

    \b
    Example:
      dermkiosk self-check
    """
    try:
        status, said = self_check(load(), language)
    except BoxSilent as silent:
        status, said = LATER, f"{sentence(language, silent)}\n{remedy(language, silent)}"
    click.echo(said)
    raise SystemExit(status)


def _take_one(settings: Settings, language: Language) -> None:
    with opened_station(settings) as station:
        station.capture()
        _say_calibration(settings, station, language)


def _say_calibration(settings: Settings, station: Station, language: Language) -> None:
    """A box that is not calibrated works, so this is a word and no failure; a drift or a damaged file is one."""
    if station.hardware_id is None:
        return
    try:
        condition = state(settings, station.hardware_id)
    except CalibrationDamaged:
        _lead(settings, "damaged", language)
        raise
    click.echo(f"{'✓' if condition == 'ok' else '!'} {text(language, f'calibration.{condition}')}")
    _lead(settings, condition, language)


def _lead(settings: Settings, condition: Condition | Literal["damaged"], language: Language) -> None:
    for line in calibration_lead.lines(settings, condition, language):
        click.echo(line)


def _examined(name: str, language: Language, look: Any) -> bool:
    try:
        look()
    except DermkioskError as error:
        part = next((part for kind, part in PARTS.items() if isinstance(error, kind)), name)
        click.echo(
            f"✗ {part}: {sentence(language, error)}\n  → {remedy(language, error)}\n  [{error.key}] {error.detail}"
        )
        return False
    click.echo(f"✓ {text(language, f'health.{name}.ok')}")
    return True


def _summary(document: dict[str, Any], language: Language) -> str:
    """A document as a few lines for a person: the outcome, the reasons, the likeliest, and what to do next."""
    title = text(language, f"result.{document['outcome']}.title")
    lines = [f"{document['photo']['path']}: {title}", *_reasons(document, language)]
    if document["outcome"] == "findings":  # none of the eight means: no ranking of the eight
        lines += [_ranked(finding, language) for finding in document["findings"][:3]]
    if document["outcome"] == "none_of_these":
        lines.append(f"  {text(language, 'result.none_of_these.text')}")
    if risk := document["risk"]:
        lines.append(_what_next(risk, language))
    return "\n".join(lines)


def _what_next(risk: dict[str, Any], language: Language) -> str:
    """Without a clinic's own pathway: as every box begins."""
    key, count = how_soon(next(step for step in DEFAULTS if step.grade == risk["grade"]))
    rule = risk["rule"].removeprefix("rule.")
    soon = text(language, key, count=count)
    return f"  {text(language, 'grade.' + risk['grade'])}: {soon} – {text(language, f'next.{rule}')}"


def _reasons(document: dict[str, Any], language: Language) -> list[str]:
    """What the gate objects to, and what to do; for a file that is no photograph, its error first."""
    objections = [check for check in document["quality"]["checks"] if not check["ok"]]
    overridden = bool(objections) and document["outcome"] != "cannot_assess"
    return [f"  ({text(language, 'cli.gate_overridden')})"] * overridden + [
        f"  → [{check['id']}] {text(language, check['advice'])}" for check in objections
    ]


def _ranked(finding: dict[str, Any], language: Language) -> str:
    return f"  {percent(finding['probability']):>5}  {text(language, 'class.' + finding['class'] + '.name')}"


for _command in COMMANDS:
    main.add_command(_command)
