import tomllib
from pathlib import Path

import pytest

from training.everything import Steps, recipe, run_all

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "training").glob("*.toml"))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_the_shipped_configurations_are_recipes(config: Path) -> None:
    wanted = tomllib.loads(config.read_text())
    steps = Steps(wanted, Path("photographs"), Path("weights"))
    assert steps.recipe.weights == str(Path("weights") / wanted["finetune"]["weights"])
    names = [name for name, _ in steps.in_order()]
    assert names[:3] == ["curate", "split", "finetune"]
    assert names[-1] == "evaluate on test photographs"
    keep = wanted["split"].get("keep")
    assert keep is None or (ROOT / keep).is_file()


def test_keras_weights_bring_their_scaling() -> None:
    asked = {"weights": "imagenet", "phases": [{"begin": "head", "epochs": 1, "rate": 1e-3}]}
    made = recipe(asked, Path("split.csv"), Path("manifest.csv"), Path("weights"))
    assert (made.weights, made.scaling) == ("imagenet", "symmetric")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("bundle = 'b'", "run"),
        ("run = 'r'\nbundle = 'b'\n[finetune]\nweights = 'none'\nphases = []\nepoch = 3", "epoch"),
        (
            "run = 'r'\nbundle = 'b'\n[finetune]\nweights = 'none'\nphases = [{begin='mixed99', epochs=1, rate=1}]",
            "mixed99",
        ),
    ],
)
def test_says_what_is_wrong_with_a_configuration(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "wrong.toml").write_text(text)
    with pytest.raises(ValueError, match=word):
        run_all(tmp_path / "wrong.toml", tmp_path, tmp_path, print)
