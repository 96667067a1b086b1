"""The referral directory: read whole or not at all, every mistake with its line; and the pathway of the grades."""

from pathlib import Path

import pytest

from appliance.cases import pathway
from appliance.cases.directory import COLUMNS, MAX_BYTES, Place, nearest, read
from appliance.cases.pathway import DEFAULTS, LONGEST, Level, Step
from appliance.cases.store import Store
from appliance.messages import LANGUAGES, catalogue
from appliance.request_errors import DirectoryInvalid, PathwayInvalid

GOOD = """name,district,level,specialties,phone,address,travel_minutes,distance_km
North County Hospital,North,county,dermatology;surgery,0871-555 0101,1 River Road,45,32.5
Old Town Clinic,Old Town,clinic,,,,10,
City Hospital,City,city,皮肤科,"0871 1, 0871 2",,120,90
"""
CHINESE = "名称,区县,级别,科室,电话,地址,路程分钟\n青山县人民医院,青山县,县医院,皮肤科,0871-5550101,河边路1号,45\n"


def problems(text: str) -> list[tuple[int, str]]:
    return [(each.line, each.key) for each in read(text.encode()).problems]


def test_a_good_file_is_read_whole() -> None:
    reading = read(GOOD.encode())
    assert reading.problems == ()
    assert reading.places[0] == Place(
        "North County Hospital", "North", "county", "dermatology;surgery", "0871-555 0101", "1 River Road", 45, 32.5
    )
    assert reading.places[1].travel_minutes == 10
    assert reading.places[2].phone == "0871 1, 0871 2"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_file_as_a_spreadsheet_in_china_saves_it(encoding: str) -> None:
    (place,) = read(CHINESE.encode(encoding)).places
    assert (place.name, place.level, place.travel_minutes) == ("青山县人民医院", "county", 45)
    assert place.has_dermatology


def test_semicolons_blank_lines_and_other_columns_are_no_mistake() -> None:
    reading = read(b"Name;District;Level;Fax\r\n\r\nA;B;City;12\r\n\r\n")
    assert [place.name for place in reading.places] == ["A"]
    assert reading.ignored == ("Fax",)


@pytest.mark.parametrize(
    ("row", "key"),
    [
        (",North,county", "missing"),
        ("A,,county", "missing"),
        ("A,North,palace", "level"),
        ("A,North,county,,call me", "phone"),
        ("A,North,county,,,,soon", "number"),
        ("A,North,county,,,,99999", "number"),
        ("A,North,county,,,,,-3", "number"),
        ("A,North,county,,,,1.5", "number"),
        ("A,North,county,,,,,,,", "cells"),
        (f"{'A' * 201},North,county", "text"),
        ('"A\nB",North,county', "text"),
        ("Old Town Clinic,Old Town,city", "twice"),
    ],
)
def test_each_mistake_is_named_with_its_line(row: str, key: str) -> None:
    assert problems(GOOD + row) == [(5, key)]


def test_all_mistakes_are_told_at_once() -> None:
    assert problems("name,district,level\n,x,county\nA,x,palace\nB,x,city\n") == [(2, "missing"), (3, "level")]


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"name,district,level\n", "empty"),
        (b"name,level\nA,city\n", "columns"),
        (b"name,name,district,level\nA,B,C,city\n", "column_twice"),
        (b'name,district,level\n"A,B,city\n', "not_csv"),
        (b"\xff\xfe\x00\xff", "encoding"),
        (b"x" * (MAX_BYTES + 1), "too_large"),
        (("name,district,level\n" + "".join(f"A{n},B,city\n" for n in range(1001))).encode(), "too_many"),
    ],
)
def test_a_file_that_is_no_directory_says_why(data: bytes, key: str) -> None:
    assert [each.key for each in read(data).problems] == [key]


def test_every_mistake_has_its_sentence() -> None:
    keys = [
        "too_large",
        "encoding",
        "not_csv",
        "empty",
        "columns",
        "column_twice",
        "cells",
        "missing",
        "level",
        "phone",
    ]
    for key in (*keys, "number", "text", "twice", "too_many"):
        assert all(f"directory.problem.{key}" in catalogue(language) for language in LANGUAGES)
    assert all(f"directory.column.{name}" in catalogue("en") for name in COLUMNS)


def test_the_old_directory_stays_until_the_new_one_is_whole(folder: Path) -> None:
    with Store(folder) as store:
        store.directory.replace(read(GOOD.encode()))
        for wrong in (GOOD + "A,North,palace\n", "name,district,level\n"):
            with pytest.raises(DirectoryInvalid):
                store.directory.replace(read(wrong.encode()))
    with Store(folder) as again:
        assert again.directory.places() == read(GOOD.encode()).places
        again.directory.replace(read(CHINESE.encode()))
        assert [place.district for place in again.directory.places()] == ["青山县"]


def place(name: str, level: Level, minutes: int | None = None, specialties: str = "") -> Place:
    return Place(name, "x", level, specialties, travel_minutes=minutes)


def test_the_nearest_place_of_the_right_level() -> None:
    places = (place("far", "county", 90), place("near", "county", 20), place("city", "city", 5), place("?", "county"))
    assert nearest(places, "county") == places[1]
    assert nearest(places, "city") == places[2]
    assert nearest((*places, place("skin", "county", 60, "Dermatology")), "county") != places[1]
    assert nearest(places, "self_care") is None


def test_without_one_of_the_level_the_next_higher_and_never_a_lower() -> None:
    assert nearest((place("city", "city"), place("clinic", "clinic")), "county") == place("city", "city")
    assert nearest((place("clinic", "clinic"), place("county", "county")), "city") is None


def test_a_box_begins_with_the_declared_pathway(folder: Path) -> None:
    with Store(folder) as store:
        assert store.pathway.steps() == DEFAULTS


def test_the_pathway_is_changed_whole_or_not_at_all(folder: Path) -> None:
    changed = (Step("low", "clinic", None), Step("refer", "city", 7), Step("urgent", "city", 1))
    with Store(folder) as store:
        with pytest.raises(PathwayInvalid):
            store.pathway.change((*changed[:2], Step("urgent", "self_care", 0)))
        assert store.pathway.steps() == DEFAULTS
        store.pathway.change(changed)
    with Store(folder) as again:
        assert again.pathway.steps() == changed


@pytest.mark.parametrize(
    "step",
    [
        Step("urgent", "county", LONGEST["urgent"] + 1),
        Step("urgent", "county", None),
        Step("refer", "self_care", 7),
        Step("refer", "county", None),
        Step("low", "self_care", -1),
        Step("low", "palace", 7),  # type: ignore[arg-type]
    ],
)
def test_nobody_who_needs_a_doctor_can_be_left_without_one(step: Step) -> None:
    with pytest.raises(PathwayInvalid):
        pathway.check(step)
