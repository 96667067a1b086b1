import io
import threading

import numpy as np
import psutil
import pytest
from PIL import Image

from appliance.errors import DecoderBusy, PhotoDamaged, PhotoEmpty, PhotoTooSlow
from appliance.vision.photo import decode
from appliance.vision.sandbox import MEMORY, Decoder


def _noise(side: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (side, side, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_gives_the_very_pixels_of_decode() -> None:
    data = _noise(200)
    with Decoder() as decoder:
        assert np.array_equal(decoder(data, "a.png"), decode(data))


def test_a_refusal_crosses_the_process_border_with_its_key() -> None:
    with Decoder() as decoder, pytest.raises(PhotoEmpty) as refused:
        decoder(b"")
    assert refused.value.key == "photo_empty"


def test_a_photograph_that_takes_too_long_is_refused_and_the_next_one_is_read() -> None:
    with Decoder() as decoder:
        decoder(_noise(200))
        decoder.timeout_s = 0.01
        with pytest.raises(PhotoTooSlow):
            decoder(_noise(3000))
        decoder.timeout_s = 20.0
        assert decoder(_noise(200)).shape == (200, 200, 3)


def test_who_waits_long_for_a_turn_is_told_to_come_back() -> None:
    with Decoder(turn_s=0.01) as decoder:
        with decoder._turn(), pytest.raises(DecoderBusy):
            decoder(_noise(200))
        assert decoder(_noise(200)).shape == (200, 200, 3)


def test_a_crash_of_the_decoder_costs_one_photograph_and_not_the_box() -> None:
    with Decoder() as decoder:
        decoder(_noise(200))
        dear = _noise(3000)
        stop = threading.Event()
        idle = {child.pid: _worked_s(child) for child in psutil.Process().children()}
        killer = threading.Thread(target=_kill_at_work, args=[idle, stop])
        killer.start()
        try:
            with pytest.raises(PhotoDamaged):
                decoder(dear)
        finally:
            stop.set()
            killer.join()
        assert decoder(_noise(200)).shape == (200, 200, 3)


def test_a_pool_that_ended_between_two_photographs_is_replaced_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where the system kills an idle process it may break the pool, which says so at the next photograph."""
    with Decoder() as decoder:
        decoder(_noise(200))
        decoder._pool.stop()
        decoder._pool.join()
        assert decoder(_noise(200)).shape == (200, 200, 3)
    assert "started anew" in caplog.text


def test_a_file_that_eats_the_memory_costs_its_own_process_and_not_the_box() -> None:
    with Decoder() as decoder:
        with pytest.raises(MemoryError):
            decoder._pool.schedule(bytearray, args=[2 * MEMORY]).result(timeout=60)
        assert decoder(_noise(200)).shape == (200, 200, 3)


def _kill_at_work(idle: dict[int, float], stop: threading.Event) -> None:
    """Kill the decoder's process once it has worked for a twentieth of a second."""
    while not stop.wait(0.005):
        for child in psutil.Process().children():
            if child.pid in idle and _worked_s(child) > idle[child.pid] + 0.05:
                child.kill()
                return


def _worked_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
