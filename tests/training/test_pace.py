from pathlib import Path

import keras
import numpy as np
import pytest

from training.pace import Pace, PacedAdamW


def _network(optimiser: keras.optimizers.Optimizer) -> keras.Model:
    inputs = keras.Input((4,))
    network = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    network.compile(optimiser, "mse")
    return network


def _rates(pace: Pace) -> list[float]:
    """The learning rate at every step."""
    optimiser = PacedAdamW(pace)
    variable = keras.Variable(np.zeros(1, np.float32))
    optimiser.build([variable])
    rates = []
    for _ in range(pace.steps + 1):
        rates.append(float(optimiser.learning_rate))
        optimiser.apply([keras.ops.ones(1)], [variable])
    return rates


def test_the_rate_rises_in_a_line_and_falls_in_a_cosine() -> None:
    rates = _rates(Pace(0.1, warmup=4, steps=20))
    assert rates[0] == pytest.approx(0.005)
    assert rates[2] == pytest.approx(0.005 + 0.095 / 2)
    assert max(rates) == rates[4] == pytest.approx(0.1)
    assert rates[12] == pytest.approx(0.05)
    assert rates[20] == pytest.approx(0.0, abs=1e-7)


def test_a_run_without_a_warmup_begins_at_its_rate() -> None:
    assert _rates(Pace(0.1, warmup=0, steps=2))[0] == pytest.approx(0.1)


def test_a_checkpoint_goes_on_at_its_pace(tmp_path: Path) -> None:
    network = _network(PacedAdamW(Pace(0.1, warmup=2, steps=10), weight_decay=0.01, clipnorm=1.0))
    network.fit(np.ones((8, 4), np.float32), np.ones((8, 1), np.float32), batch_size=2, verbose=0)
    network.save(tmp_path / "kept.keras")
    again = keras.models.load_model(tmp_path / "kept.keras")
    assert int(again.optimizer.iterations) == 4
    assert float(again.optimizer.learning_rate) == pytest.approx(float(network.optimizer.learning_rate))
    assert 0 < float(again.optimizer.learning_rate) < 0.1
