import tomllib
from pathlib import Path

import pytest

from training.everything import Steps, recipe, run_all

ROOT = Path(__file__).parents[2]
CONFIGS = [ROOT / "training" / "skin8.toml", ROOT / "training" / "skin8-first.toml"]
ABOUT = ROOT / "training" / "skin8-about.toml"


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_the_shipped_configurations_are_recipes(config: Path) -> None:
    wanted = tomllib.loads(config.read_text())
    steps = Steps(wanted, Path("photographs"), Path("weights"), print)
    assert steps.recipe.weights == str(Path("weights") / wanted["finetune"]["weights"])
    names = [name for name, _ in steps.in_order(final=False)]
    assert names[:3] == ["curate", "split", "finetune"]
    assert not [name for name in names if "test" in name]
    assert "evaluate on test photographs" in [name for name, _ in steps.in_order(final=True)]
    keep = wanted["split"].get("keep")
    assert keep is None or (ROOT / keep).is_file()


def test_keras_weights_bring_their_scaling() -> None:
    asked = {"weights": "imagenet", "phases": [{"begin": "head", "epochs": 1, "rate": 1e-3}]}
    made = recipe(asked, Path("split.csv"), Path("manifest.csv"), Path("weights"))
    assert (made.weights, made.scaling) == ("imagenet", "symmetric")


NAMED = f"run = 'r'\nbundle = 'b'\nabout = '{ABOUT}'\n"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (NAMED + "[curate]\nchop = true", "chop"),
        (NAMED + "[soup]", "shares"),
        (NAMED + "[bake]", "bake"),
        ("bundle = 'b'", "run"),
        ("run = 'r'\nbundle = 'b'\n[finetune]\nweights = 'none'\nphases = []", "about"),
        (NAMED + "[finetune]\nweights = 'none'\nphases = []\nepoch = 3", "epoch"),
        (NAMED + "[finetune]\nweights = 'none'", "phases"),
        (NAMED + "[finetune]\nweights = 'there.h5'\nphases = []\n[gate]\nkeep_limits_of = '.'", r"there\.h5"),
        (NAMED + "[finetune]\nweights = 'none'\nphases = []", "no labels of quality"),
        (NAMED + "[finetune]\nweights = 'none'\nphases = []\n[gate]", "either labels"),
        (NAMED + "[finetune]\nweights = 'none'\nphases = []\n[gate]\nlabels = 'nowhere.csv'", r"nowhere\.csv"),
        ("run = ", "Invalid value"),
        (NAMED + "[finetune]\nweights = 'none'\nphases = [{begin='mixed99', epochs=1, rate=1}]", "mixed99"),
    ],
)
def test_says_what_is_wrong_with_a_configuration(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "wrong.toml").write_text(text)
    with pytest.raises(ValueError, match=word):
        run_all(tmp_path / "wrong.toml", tmp_path, tmp_path, print)


CONFIGURED = """
run = "{here}/run"
bundle = "{here}/bundle"
about = "{about}"
[finetune]
weights = "none"
phases = []
[gate]
keep_limits_of = "{here}"
"""


class Killed(Exception):
    pass


def test_goes_on_after_the_last_whole_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(self: Steps) -> None:
        raise Killed

    done: list[str] = []
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "looked.csv").write_text("kept")
    (tmp_path / "all.toml").write_text(CONFIGURED.format(here=tmp_path, about=ABOUT))
    for name in ("curate", "split", "finetune", "calibrate", "gate"):
        monkeypatch.setattr(Steps, name, lambda _self, name=name: done.append(name))
    monkeypatch.setattr(Steps, "evaluate", lambda _self, split: done.append(split))
    monkeypatch.setattr(Steps, "quantise", killed)
    with pytest.raises(Killed):
        run_all(tmp_path / "all.toml", tmp_path, tmp_path, print)
    assert done == ["curate", "split", "finetune"]

    def quantised(self: Steps) -> None:
        self.bundle.mkdir(parents=True)
        (self.bundle / "model.tflite").write_text("new")

    monkeypatch.setattr(Steps, "quantise", quantised)
    run_all(tmp_path / "all.toml", tmp_path, tmp_path, print)
    assert done == ["curate", "split", "finetune", "calibrate", "gate", "validation"]
    assert [path.name for path in (tmp_path / "bundle").iterdir()] == ["model.tflite"]
    assert not list(tmp_path.glob(".bundle*"))

    run_all(tmp_path / "all.toml", tmp_path, tmp_path, print, final=True)
    assert done[-1] == "test"
    assert done.count("validation") == 1


def test_a_folder_of_another_configuration_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = CONFIGURED.format(here=tmp_path, about=ABOUT)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "steps.json").write_text('{"wanted": {"run": "r"}, "done": ["curate"]}')
    (tmp_path / "all.toml").write_text(text)
    with pytest.raises(ValueError, match="another configuration"):
        run_all(tmp_path / "all.toml", tmp_path, tmp_path, print)
