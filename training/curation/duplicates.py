"""Near-duplicates among many photographs: candidates by two perceptual hashes, proof by fine structure."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from appliance.vision.photo import Pixels, decode
from training.curation.resemblance import Grey, miniature, resemblance
from training.parallel import Map, Watch, mapping, unwatched

Pairs = NDArray[np.int64]
"""P×2 positions, the smaller first."""

BITS: Final = 64
HASH_DISTANCE: Final = 32
"""Bits in which the two hashes of a pair may differ together (of 128). Of 200 skin8 photographs, re-compressed, shrunk
by a fifth and cropped by up to 6 % of each side, 199 stay within it; of those cropped by up to 10 %, 181."""
RESEMBLANCE: Final = 0.72
"""On skin8, of all 2,701 pairs with near hashes, strangers reach 0.70 (two pairs of legs under one atlas's mark) and
copies begin at 0.77."""
BLOCK: Final = 4096
"""Rows of hashes compared at once: 64 MB of distances."""


@dataclass(frozen=True)
class Fingerprint:
    """What is compared of a photograph."""

    sha256: str
    phash: str
    """pHash of the luminance (Krawetz 2011), 64 bits, hexadecimal."""
    dhash: str
    """Hash of the horizontal gradients, 64 bits, hexadecimal."""
    miniature: Grey

    @classmethod
    def of(cls, data: bytes, pixels: Pixels) -> "Fingerprint":
        """Of a file's bytes and the pixels (uint8 RGB, H×W×3) they decode to."""
        image = Image.fromarray(pixels)
        hashes = str(imagehash.phash(image)), str(imagehash.dhash(image))
        return cls(hashlib.sha256(data).hexdigest(), *hashes, miniature(pixels))


def near_duplicates(prints: Sequence[Fingerprint], apply: Map = map, watch: Watch = unwatched) -> Pairs:
    """All near-duplicate pairs. ``apply`` may be an executor's map: the proofs take longest; ``watch`` sees them pass.

    Files with the same bytes count as pairs of the first of them with each other one.
    """
    firsts, copies = _same_bytes(prints)
    near = firsts[_candidates([prints[i].phash for i in firsts], [prints[i].dhash for i in firsts])]
    alike = apply(resemblance, (prints[i].miniature for i, _ in near), (prints[j].miniature for _, j in near))
    proven = near[np.array(list(watch(alike, len(near))), float) >= RESEMBLANCE]
    return np.concatenate([copies, proven])


def clusters(count: int, pairs: Pairs) -> NDArray[np.int64]:
    """A number per photograph, the same for those that pairs connect, directly or through others."""
    links = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


def named_clusters(names: Sequence[str], pairs: Pairs) -> list[str]:
    """For a manifest's column ``near_duplicates``: the name of the cluster's first photograph; empty where alone."""
    cluster = clusters(len(names), pairs)
    _, first, inverse, count = np.unique(cluster, return_index=True, return_inverse=True, return_counts=True)
    return [names[first[one]] if count[one] > 1 else "" for one in inverse]


def near_duplicates_of(files: Sequence[Path], workers: int = 1) -> list[str]:
    """Read photographs and name each one's cluster of near-duplicates by the first file in it; empty where alone.

    Raises :class:`appliance.errors.PhotoRefused` for one that cannot be read.
    """
    with mapping(workers) as apply:
        prints = list(apply(_of_file, files))
        return named_clusters([str(file) for file in files], near_duplicates(prints, apply))


def _of_file(file: Path) -> Fingerprint:
    data = file.read_bytes()
    return Fingerprint.of(data, decode(data, file.name))


def _same_bytes(prints: Sequence[Fingerprint]) -> tuple[NDArray[np.int64], Pairs]:
    """Positions of the first file of each content, and a pair for each further one."""
    _, first, inverse = np.unique([one.sha256 for one in prints], return_index=True, return_inverse=True)
    pairs = np.stack([first[inverse], np.arange(len(prints))], axis=1).astype(np.int64)
    return np.sort(first).astype(np.int64), pairs[pairs[:, 0] != pairs[:, 1]]


def _candidates(phashes: Sequence[str], dhashes: Sequence[str]) -> Pairs:
    """Pairs with near hashes. All against all, as a matrix product: 100,000 photographs take a minute or two."""
    signs = np.concatenate([_signs(phashes), _signs(dhashes)], axis=1)
    found = [np.zeros((0, 2), np.int64), *_near_blocks(signs)]
    return np.concatenate(found)


def _near_blocks(signs: NDArray[np.float32]) -> Iterator[Pairs]:
    # Bits as ±1: two rows of B bits that differ in d of them have the product B − 2d.
    least = signs.shape[1] - 2 * HASH_DISTANCE
    for top in range(0, len(signs), BLOCK):
        for left in range(top, len(signs), BLOCK):
            near = np.argwhere(signs[top : top + BLOCK] @ signs[left : left + BLOCK].T >= least)
            near += np.array([top, left])
            yield near[near[:, 0] < near[:, 1]]


def _signs(hashes: Sequence[str]) -> NDArray[np.float32]:
    octets = np.array([list(bytes.fromhex(one)) for one in hashes], np.uint8).reshape(-1, BITS // 8)
    return np.unpackbits(octets, axis=1).astype(np.float32) * 2 - 1
