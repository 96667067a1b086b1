"""A linear head learned in small steps, so that what fine-tuning does in steps can be compared one at a time."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.backend import keras
from training.batches import Truth, class_weights
from training.mixing import mixed_truth
from training.predict import Floats

Narrow = NDArray[np.float32]

EPOCHS: Final = 40
BATCH: Final = 32
RATE: Final = 3e-3
DECAY: Final = 0.05
"""AdamW's weight decay."""
ALPHA: Final = 0.4
"""Of the Beta distribution of mixup's proportions, as in fine-tuning."""


@dataclass(frozen=True)
class Steps:
    """What the steps do beside following the labels; all zero: nothing."""

    smoothing: float = 0.0
    exposure: float = 0.0
    """Weight of the uniform answer for photographs of none of the eight."""
    mixing: float = 0.0
    """Share of the feature vectors that are blended with another (mixup)."""
    averaging: float = 0.0
    """Momentum of the averaged weights."""


def stepped(known: Floats, targets: NDArray[np.int64], classes: int, steps: Steps, seed: int = 8) -> keras.Model:
    """A head that gives logits for features (N×D), learned from ``known`` and class indices (−1: none of them).

    Classes weigh by the square root of how rare they are, as in fine-tuning.
    """
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    truth = Truth.of(targets, class_weights(targets, classes), steps.smoothing, steps.exposure)
    epochs = [_epoch(known, truth, steps.mixing, rng) for _ in range(EPOCHS)]
    seen, told, weights = (np.concatenate(parts) for parts in zip(*epochs, strict=True))
    head = keras.Sequential([keras.Input((known.shape[1],)), keras.layers.Dense(classes, kernel_initializer="zeros")])
    head.compile(
        keras.optimizers.AdamW(
            RATE, weight_decay=DECAY, use_ema=steps.averaging > 0, ema_momentum=steps.averaging or 0.99
        ),
        keras.losses.CategoricalCrossentropy(from_logits=True),
    )
    head.fit(seen, told, sample_weight=weights, batch_size=BATCH, epochs=1, shuffle=False, verbose=0)
    return head


def _epoch(known: Floats, truth: Truth, share: float, rng: np.random.Generator) -> tuple[Narrow, Narrow, Narrow]:
    """Features, class targets and weights in a new order; those without a weight have nothing to say."""
    order = rng.permutation(np.flatnonzero(truth.weights > 0))
    features, partner = known[order], rng.permutation(len(order))
    told = truth.classes[order], truth.outlier[order][:, None], truth.weights[order]
    draw = rng.beta(ALPHA, ALPHA, len(order))
    keep = np.where(rng.random(len(order)) < share, np.maximum(draw, 1 - draw), 1.0).astype(np.float32)
    classes, _, weights = mixed_truth(told, partner, keep)
    blended = features * keep[:, None] + features[partner] * (1 - keep[:, None])
    return blended.astype(np.float32), classes, weights
