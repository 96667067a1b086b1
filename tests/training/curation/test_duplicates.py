import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from appliance.vision.photo import Pixels, decode
from training.curation.duplicates import RESEMBLANCE, Fingerprint, clusters, named_clusters, near_duplicates
from training.curation.resemblance import miniature, resemblance
from training.golden import draw


def copy_of(pixels: Pixels, *, crop: tuple[float, float, float, float], quality: int = 60, scale: float = 0.8) -> bytes:
    """Cropped by shares of left, top, right, bottom; shrunk; compressed again."""
    high, wide = pixels.shape[:2]
    left, top, right, bottom = crop
    image = Image.fromarray(pixels).crop(
        (int(left * wide), int(top * high), int((1 - right) * wide), int((1 - bottom) * high))
    )
    file = io.BytesIO()
    image.resize((int(image.width * scale), int(image.height * scale))).save(file, "JPEG", quality=quality)
    return file.getvalue()


def prints(*files: bytes) -> list[Fingerprint]:
    return [Fingerprint.of(data, decode(data)) for data in files]


def plain(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def smooth_skin(seed: int) -> Pixels:
    """A bare patch: skin colour, a shade across it, and pores; nothing else."""
    rng = np.random.default_rng(seed)
    shade = np.linspace(-15, 15, 384)[:, None] + ndimage.gaussian_filter(rng.normal(size=(384, 384)), 1) * 12
    return np.clip(np.array((205, 160, 135)) + shade[..., None], 0, 255).astype(np.uint8)


def test_recompressed_slightly_cropped_copies_are_found() -> None:
    """Of forty, at least 95 %: two hashes and a proof are a sieve, not a theorem."""
    found = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        pixels = draw(seed)
        left, top, right, bottom = rng.uniform(0, 0.05, 4)
        copy = copy_of(
            pixels,
            crop=(left, top, right, bottom),
            quality=int(rng.integers(50, 96)),
            scale=float(rng.uniform(0.6, 1.0)),
        )
        found += near_duplicates(prints(plain(pixels), copy)).tolist() == [[0, 1]]
    assert found >= 38


def test_a_copy_with_a_frame_a_mark_and_other_light_is_one() -> None:
    pixels = draw(3)
    marked = np.clip(pixels * 0.8 + 20, 0, 255).astype(np.uint8)
    marked[350:368, 20:100] = 255
    marked[:, :4] = 0
    assert resemblance(miniature(pixels), miniature(marked)) > RESEMBLANCE


@pytest.mark.parametrize("make", [draw, smooth_skin])
def test_strangers_that_look_alike_are_not(make: object) -> None:
    assert callable(make)
    files = [plain(make(seed)) for seed in range(8)]
    looks = prints(*files)
    assert near_duplicates(looks).tolist() == []
    assert max(resemblance(looks[0].miniature, other.miniature) for other in looks[1:]) < RESEMBLANCE


def test_smooth_skin_has_near_hashes_so_that_the_proof_is_what_tells_them_apart() -> None:
    one, other = prints(plain(smooth_skin(1)), plain(smooth_skin(2)))
    apart = sum((int(a, 16) ^ int(b, 16)).bit_count() for a, b in ((one.phash, other.phash), (one.dhash, other.dhash)))
    assert apart <= 64
    same = Fingerprint(other.sha256, one.phash, one.dhash, other.miniature)
    assert near_duplicates([one, same]).tolist() == []


def test_the_same_bytes_are_pairs_with_the_first() -> None:
    data = plain(draw(1))
    assert sorted(near_duplicates(prints(data, plain(draw(2)), data, data)).tolist()) == [[0, 2], [0, 3]]


def test_upright_and_lying_pictures_that_cannot_cover_each_other_are_strangers() -> None:
    pixels = draw(1)
    assert resemblance(miniature(pixels[:, :200]), miniature(pixels[:200])) < RESEMBLANCE


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_pictures_have_no_structure_to_share(value: int) -> None:
    flat = miniature(np.full((200, 300, 3), value, np.uint8))
    assert resemblance(flat, miniature(draw(1))) < RESEMBLANCE
    assert resemblance(flat, flat) < RESEMBLANCE


def test_no_photographs_have_no_duplicates() -> None:
    assert near_duplicates([]).shape == (0, 2)


def test_clusters_go_through_others() -> None:
    pairs = np.array([[0, 2], [2, 4], [1, 3]])
    cluster = clusters(6, pairs)
    assert cluster[0] == cluster[2] == cluster[4]
    assert cluster[1] == cluster[3] != cluster[0]
    assert named_clusters(list("abcdef"), pairs) == ["a", "b", "a", "b", "a", ""]
