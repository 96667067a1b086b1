import io

import numpy as np
from PIL import Image

from appliance.vision.overlay import overlay, positive_share
from appliance.vision.photo import Pixels


def test_marks_the_place_that_counts(skin: Pixels) -> None:
    grid = np.zeros((8, 8), np.float32)
    grid[1, 6] = 1
    shown = np.asarray(Image.open(io.BytesIO(overlay(skin, grid))).convert("RGB")).astype(int)
    assert shown.shape == (640, 640, 3)
    photo = np.asarray(Image.fromarray(skin).resize((640, 640))).astype(int)
    change = np.abs(shown - photo).sum(axis=2)
    marked = change[80:160, 480:560].mean()
    assert marked > 2 * change[400:, :240].mean()


def test_share_of_what_speaks_for_the_class() -> None:
    share = positive_share(np.array([[-4.0, 0.0], [2.0, 8.0]]))
    assert share.tolist() == [[0.0, 0.0], [0.25, 1.0]]
    assert positive_share(np.full((8, 8), -1.0)).max() == 0
