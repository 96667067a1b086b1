"""The commands for what is kept: backup, restore, export, retention, recovery-key. They work beside the kiosk."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from appliance.cases import clock, codes, layout
from appliance.cases.audit import Audit
from appliance.cases.backup import back_up
from appliance.cases.clock import Moment
from appliance.cases.database import Database
from appliance.cases.export import export as export_cases
from appliance.cases.faults import storage_faults
from appliance.cases.ledger import Ledger
from appliance.cases.restore import restore as restore_backup
from appliance.cases.sealed import RecoveryKey
from appliance.cases.stick import Stick
from appliance.cases.store import Store
from appliance.errors import (
    BackupUnderWay,
    CaseNotExportable,
    CaseUnknown,
    DatabaseMissing,
    DermkioskError,
    StickMissing,
    StoreError,
)
from appliance.messages import Language, text
from appliance.settings import Settings, load
from appliance.spoken import LANGUAGE, said_plainly

FOLDER = click.Path(file_okay=False, path_type=Path)
STATE = click.option("--state", type=FOLDER, help="folder of photographs and database")
KEY = click.option("--key-file", type=click.Path(dir_okay=False, path_type=Path), help="file with the recovery key")
STEP = 50
"""So many photographs are between two lines of progress."""


@click.command()
@click.argument("path", type=FOLDER)
@click.option("--mounted", is_flag=True, help="refuse a folder on which nothing is mounted")
@STATE
@KEY
@LANGUAGE
def backup(path: Path, mounted: bool, state: Path | None, key_file: Path | None, language: Language) -> None:
    """Back up to PATH, a stick; sealed with the box's recovery key, and read back whole before it counts.

    \b
    Example:
      dermkiosk backup /media/dermkiosk
    """
    with said_plainly(language):
        settings = load(state=state, backup_key=key_file)
        say = partial(_progress, language)
        with _opened(settings) as (database, now):
            audit = Audit(database, now)
            try:
                if mounted and not path.is_mount():
                    raise StickMissing(f"nothing is mounted at {path}", path=path)
                stick = Stick(path, RecoveryKey.read(settings.backup_key))
                made = back_up(settings.state, stick, Ledger(database, now), now(), settings.backup_keep, say)
            except BackupUnderWay:
                raise  # how the other one ends is what staff are to read
            except DermkioskError as error:
                with suppress(StoreError):  # where the database is what fails, its own error is the one to tell
                    audit.record("box", "backup_failed", detail=error.key)  # staff read it on their page
                raise
        click.echo(text(language, "backup.done", **vars(made)))


@click.command()
@click.argument("path", type=FOLDER)
@click.option("--state", type=FOLDER, required=True, help="a new or empty folder")
@KEY
@LANGUAGE
def restore(path: Path, state: Path, key_file: Path | None, language: Language) -> None:
    """Restore the newest whole backup on PATH into an empty folder; cut off, the same command goes on.

    \b
    Example:
      sudo systemctl stop dermkiosk dermkiosk-standby
      sudo dermkiosk restore /media/dermkiosk --state /var/lib/dermkiosk
    """
    with said_plainly(language):
        key = RecoveryKey.read(key_file) if key_file else RecoveryKey(click.prompt(text(language, "restore.key")))
        with storage_faults():  # the box's own disk; the stick has errors of its own
            done = restore_backup(Stick(path, key), state, partial(_progress, language))
        with _opened(load(state=state)) as (database, now):
            Audit(database, now).record("installer", "restore")
        click.echo(text(language, "restore.done", count=done.photographs, made_at=done.manifest.made_at))
        if done.skipped:
            click.echo(text(language, "restore.older", count=done.skipped))
        if done.damaged:
            click.echo(text(language, "restore.damaged", count=len(done.damaged)))


@click.command()
@click.argument("to", type=click.Path(path_type=Path))
@click.argument("cases", nargs=-1, metavar="[CODE]...")
@click.option("--all", "everything", is_flag=True, help="also those that were exported before")
@STATE
@LANGUAGE
def export(to: Path, cases: tuple[str, ...], everything: bool, state: Path | None, language: Language) -> None:
    """Write cases into the new folder or .zip file TO: those with a CODE, else all that were not exported yet.

    The files are not encrypted: they are for the clinic's own records.

    \b
    Example:
      dermkiosk export /media/stick/march.zip
      dermkiosk export /media/stick/one-case K7QF-2M
    """
    with said_plainly(language):
        settings = load(state=state)
        with _opened(settings) as (database, now):
            ledger = Ledger(database, now)
            numbers = _numbers(database, cases) or (_answered(database) if everything else ledger.unexported())
            count = export_cases(settings.state, database, ledger, numbers, to)
        click.echo(text(language, "export.done", count=count, path=to))


@click.command()
@STATE
@LANGUAGE
def retention(state: Path | None, language: Language) -> None:
    """Delete the cases that are older than the rule says and were exported; without a rule, none.

    \b
    Example:
      DERMKIOSK_RETENTION_DAYS=365 dermkiosk retention
    """
    with said_plainly(language):
        settings = load(state=state)
        days = settings.retention_days
        if not days:
            click.echo(text(language, "retention.none"))
            return
        with Store(settings.state, visiting=True) as store:
            expendable = store.ledger.expendable(days)
            if expendable:  # all at once: each deletion writes the whole database anew
                store.delete(*expendable, by="box")
            store.audit.record("box", "retention", detail=f"{len(expendable)}")
        click.echo(text(language, "retention.done", count=len(expendable), days=days))


@click.command("recovery-key")
@KEY
@LANGUAGE
def recovery_key(key_file: Path | None, language: Language) -> None:
    """Print the recovery key, to be written on the recovery card and kept away from the box.

    \b
    Example:
      sudo dermkiosk recovery-key
    """
    with said_plainly(language):
        key = RecoveryKey.read(load(backup_key=key_file).backup_key)
        click.echo(f"{text(language, 'recovery.card')}\n\n    {key}\n")


COMMANDS = (backup, restore, export, retention, recovery_key)


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Database, Callable[[], Moment]]]:
    """The database, which the kiosk may have open, too; and the time by its clock and age."""
    path = settings.state / layout.DATABASE
    if not path.exists():
        raise DatabaseMissing(str(path), path=path)
    with Database(path) as database:
        age_s: int = database.value("SELECT age_s FROM heartbeat")
        yield database, lambda: replace(clock.now(), age_s=age_s)


def _numbers(database: Database, given: tuple[str, ...]) -> list[int]:
    return [_number(database, code) for code in given]


def _number(database: Database, given: str) -> int:
    """Raises :class:`CaseNotExportable` for a code that is mistyped or nobody's."""
    try:
        rows = database.rows("SELECT number FROM cases WHERE code = ?", codes.parse(given))
    except CaseUnknown:
        rows = []
    if not rows:
        raise CaseNotExportable(given, case=given)
    number: int = rows[0][0]
    return number


def _answered(database: Database) -> list[int]:
    return [row[0] for row in database.rows("SELECT case_number FROM answers ORDER BY case_number")]


def _progress(language: Language, step: str, done: int, of: int) -> None:
    if done == of or done % STEP == 0:
        click.echo(text(language, f"backup.{step}", done=done, of=of))
