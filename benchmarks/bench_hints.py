"""What a hint costs beside the frame it comes with. One core: ``taskset -c 0 python benchmarks/bench_hints.py``."""

import io
import time

from machine import compare
from PIL import Image

from appliance.vision.hints import Hinter
from firmware.simulated import SimulatedLight
from firmware.skin import Skin
from firmware.synthetic import SyntheticCamera, draw

QUALITY = 85
"""As the kiosk encodes its live view."""


def main() -> None:
    """Print the table."""
    light = SimulatedLight()
    light.on()
    with SyntheticCamera(light, draw(Skin())) as camera:
        frame = [camera.preview(10).pixels for _ in range(8)][-1]
    hinter = Hinter(time.monotonic)

    def encoded() -> bytes:
        file = io.BytesIO()
        Image.fromarray(frame).save(file, "JPEG", quality=QUALITY)
        return file.getvalue()

    compare(
        "One frame of the live view, 800×600",
        "JPEG of the same frame (Pillow)",
        {
            "JPEG of the same frame (Pillow)": encoded,
            "hint": lambda: hinter.look(frame),
            "both, as the kiosk answers": lambda: (encoded(), hinter.look(frame)),
        },
    )


if __name__ == "__main__":
    main()
