import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from appliance.cases import photos
from appliance.cases.store import Intake, Store
from appliance.errors import StoreFull

Make = Callable[..., Intake]
BLOCK = 4096


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A real file system of the given number of mebibytes."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={request.param}m", "none", str(path)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.CalledProcessError) as refused:
        pytest.skip(f"a small disk needs the right to mount a tmpfs: {refused}")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True, timeout=30)


def leave_free(disk: Path, blocks: int) -> None:
    """Fill the disk with something else until so many blocks are left."""
    ballast = disk / "ballast"
    with ballast.open("ab") as file:
        status = os.statvfs(disk)
        size = ballast.stat().st_size + (status.f_bavail - blocks) * BLOCK
        if size >= ballast.stat().st_size:
            os.posix_fallocate(file.fileno(), 0, max(size, 1))
        else:
            file.truncate(size)


def check_whole(store: Store, accepted: dict[str, Intake], folder: Path) -> None:
    assert {case.code for case in store.cases()} == set(accepted)
    assert len(list((folder / "photos").iterdir())) == len(accepted)
    for code, asked in accepted.items():
        assert np.array_equal(store.photo(store.case(code)), asked.pixels)


@pytest.mark.parametrize("small_disk", [72], indirect=True)
def test_the_last_room_is_kept_for_answers_and_deletions(small_disk: Path, intake: Make) -> None:
    accepted: dict[str, Intake] = {}
    folder = small_disk / "state"
    with Store(folder) as store:
        with suppress(StoreFull):
            for seed in range(30):
                asked = intake(seed, side=600)
                accepted[store.accept(asked).code] = asked
        assert 1 < len(accepted) < 30
        check_whole(store, accepted, folder)
        for case in store.cases():
            assert store.answer(store.begin(case), {"case": case.code}, None)
        last = store.cases()[0].code
        store.delete(last)
        del accepted[last]
        case = store.accept(intake(99, side=600))
        accepted[case.code] = intake(99, side=600)
        check_whole(store, accepted, folder)


@pytest.mark.parametrize("small_disk", [2], indirect=True)
def test_a_disk_that_is_full_to_the_brim_loses_nothing_and_keeps_nothing_by_half(
    small_disk: Path, intake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else filled the reserve, too: whichever write comes too late, photo or row, all or nothing."""
    monkeypatch.setattr(photos, "RESERVE_BYTES", -(2**30))  # nobody looks before writing
    accepted: dict[str, Intake] = {}
    refused = 0
    folder = small_disk / "state"
    with Store(folder) as store:
        for blocks in range(24):
            leave_free(small_disk, blocks)
            asked = intake(blocks)
            try:
                accepted[store.accept(asked).code] = asked
            except StoreFull:
                refused += 1
            check_whole(store, accepted, folder)
        (small_disk / "ballast").unlink()
        asked = intake(100)
        accepted[store.accept(asked).code] = asked
    assert refused >= 3
    with Store(folder) as store:
        check_whole(store, accepted, folder)
        assert len(accepted) >= 3
