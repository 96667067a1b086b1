"""The referral directory from the command line."""

from collections.abc import Iterator

from appliance.cases import audit, clock, layout
from appliance.cases.database import Database
from appliance.cases.directory import Directory, Problem, read
from appliance.cases.faults import storage_faults
from appliance.files import private_folder
from appliance.messages import Language, text
from appliance.request_errors import DirectoryInvalid
from appliance.settings import Settings


def import_directory(settings: Settings, table: bytes, language: Language, *, check: bool) -> Iterator[str]:
    """Keep the places of ``table``, a CSV file, unless only to ``check``; gives the lines to say.

    Works beside a running kiosk: the database allows two. Raises :class:`DirectoryInvalid` after the lines that say
    what is wrong, and what opening the records raises.
    """
    reading = read(table)
    yield from (problem_line(problem, language) for problem in reading.problems)
    if reading.ignored:
        yield text(language, "directory.ignored", names=", ".join(reading.ignored))
    if reading.problems:
        raise DirectoryInvalid(f"{len(reading.problems)} problems", count=len(reading.problems))
    yield text(language, "directory.fine", count=len(reading.places))
    if check:
        return
    with storage_faults():
        layout.refuse_wrong(settings.state)
        private_folder(settings.state)
    with Database(settings.state / layout.DATABASE) as database:
        Directory(database).replace(reading)
        audit.Audit(database, clock.now).record("installer", "directory", detail=str(len(reading.places)))
    yield text(language, "directory.kept", count=len(reading.places))


def problem_line(problem: Problem, language: Language) -> str:
    """One mistake with its line, as a sentence."""
    where = text(language, "directory.line", line=problem.line)
    return f"{where}: {text(language, f'directory.problem.{problem.key}', **problem.values)}"
