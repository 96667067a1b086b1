"""A page of the staff's list of a 10,000-case box: the whole page, and its peer, a plain SELECT of the same rows.

``python benchmarks/bench_staff_list.py [CASES]``. The photographs are one pixel wide: the list shows none.
"""

import json
import random
import sqlite3
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from machine import compare

from appliance.cases import pin
from appliance.cases.clock import Moment
from appliance.cases.listing import PAGE
from appliance.cases.store import Store
from appliance.settings import Settings
from appliance.vision.classes import CLASSES
from appliance.vision.photo import decode
from appliance.web.app import create_lan_app
from appliance.web.services import Services
from appliance.web.sites import SITES
from firmware.simulated import SimulatedButton, SimulatedIndicator, SimulatedLight
from firmware.skin import Skin
from firmware.station import Station
from firmware.synthetic import SyntheticCamera, draw

PIN = "482915"
FILTERS = {
    "page, no filter": "/staff/cases",
    "page, last": "/staff/cases?page=400",
    "page, outcome and grade": "/staff/cases?outcome=findings&grade=refer",
    "page, site not reviewed": "/staff/cases?site=hand&reviewed=no",
    "page, search by code": "/staff/cases?q=0099",
    "page, dates": "/staff/cases?since=2026-02-01&until=2026-02-28",
}


def fill(store: Store, count: int) -> None:
    """Make cases with answers of the size that real ones have, all in one transaction."""
    chance = random.Random(1)  # noqa: S311  # made-up cases
    findings = [{"class": each, "probability": 0.125, "evidence": "limited"} for each in CLASSES]
    with store._database.transaction() as connection:
        for number in range(1, count + 1):
            moment = Moment(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=13 * number), "synced")
            _add(connection, number, chance, moment.iso(), findings)


def _add(connection: sqlite3.Connection, number: int, chance: random.Random, at: str, findings: list[Any]) -> None:
    code = f"{number:06d}"
    connection.execute(
        "INSERT INTO cases (number, code, state, source, site, consent, taken_at, clock, photo_id, sha256, simulated)"
        " VALUES (?, ?, 'done', 'kiosk', ?, 1, ?, 'synced', ?, ?, 0)",
        (number, f"{code[:4]}-{code[4:]}", chance.choice(SITES), at, code, code),
    )
    outcome = chance.choice(("findings", "findings", "findings", "none_of_these", "cannot_assess"))
    document = {
        "outcome": outcome,
        "risk": None if outcome == "cannot_assess" else {"grade": chance.choice(("low", "refer", "urgent"))},
        "findings": chance.sample(findings, 8) if outcome == "findings" else [],
        "activation_map": {"grid": [[0.5] * 8] * 8},
        "filler": "x" * 2000,
    }
    connection.execute("INSERT INTO answers VALUES (?, ?, NULL)", (number, json.dumps(document)))
    if number % 3 == 0:
        connection.execute("INSERT INTO reviews VALUES (?, ?, 'synced')", (number, at))


def main() -> None:
    """Print the medians and their ratio to the plain SELECT."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    light = SimulatedLight()
    camera = SyntheticCamera(light, draw(Skin(), (768, 576)), size=(768, 576))
    with (
        tempfile.TemporaryDirectory() as folder,
        Station(camera, light, SimulatedIndicator(), SimulatedButton()) as station,
        Store(Path(folder) / "state") as store,
    ):
        fill(store, count)
        pin.COST = 16  # type: ignore[misc]  # the log-in is not what is timed
        store.pin.set(PIN, "kiosk")
        settings = Settings(camera="synthetic", state=Path(folder) / "state")
        box = Services(settings, store, lambda: None, station, decode, lambda: (), lambda: None)
        client = create_lan_app(box).test_client()
        client.post("/staff/login", data={"pin": PIN}, headers={"Origin": "http://localhost"})
        query = "SELECT * FROM cases ORDER BY number DESC LIMIT ?"
        peer = "plain SELECT of a page"
        jobs: dict[str, Any] = {peer: lambda: store._database.rows(query, PAGE)}
        jobs |= {name: (lambda path=path: client.get(path)) for name, path in FILTERS.items()}
        compare(f"A page of {count} cases", peer, jobs)


if __name__ == "__main__":
    main()
