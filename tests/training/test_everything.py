import tomllib
from pathlib import Path

import pytest
from PIL import Image

from training.curation.split import ready
from training.errors import StepRefused
from training.everything import Steps, recipe, run_all
from training.golden import draw

ROOT = Path(__file__).parents[2]
CONFIGS = [ROOT / "training" / "skin8.toml"]
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
    asked = {"weights": "imagenet", "workers": 3, "phases": [{"begin": "head", "epochs": 1, "rate": 1e-3}]}
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
        (NAMED + "[finetune]\nweights = 'none'\nphases = []\n[curate]\nlabels = {SCC = 'scc'}", "not scc"),
        ("run = ", "Invalid value"),
        (NAMED + "[finetune]\nweights = 'none'\nphases = [{begin='mixed99', epochs=1, rate=1}]", "mixed99"),
        (NAMED + "[finetune]\nweights = 'none'\nphases = [{begin='all', epochs=1, rate='fast'}]", "rate = 'fast'"),
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


def _noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps that are asked for from now on, all but quantise, which do nothing else."""
    done: list[str] = []
    for name in ("curate", "split", "finetune", "calibrate", "gate", "put_in_place"):
        monkeypatch.setattr(Steps, name, lambda _self, name=name: done.append(name))
    monkeypatch.setattr(Steps, "evaluate", lambda _self, split: done.append(split))
    return done


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


def test_what_is_asked_of_a_step_that_failed_may_be_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = _noted(monkeypatch)
    text = CONFIGURED.format(here=tmp_path, about=ABOUT)

    def straying(self: Steps) -> None:
        if self.wanted.get("quantise") is None:
            raise ValueError("strays")
        done.append("quantise")

    monkeypatch.setattr(Steps, "quantise", straying)
    (tmp_path / "all.toml").write_text(text)
    with pytest.raises(ValueError, match="strays"):
        run_all(tmp_path / "all.toml", tmp_path, tmp_path, print)
    (tmp_path / "all.toml").write_text(text + "[curate]\ncrop = true\n")
    with pytest.raises(ValueError, match="another configuration made, with another curate"):
        run_all(tmp_path / "all.toml", tmp_path, tmp_path, print)
    (tmp_path / "all.toml").write_text(text + "[quantise]\nway = 'tensorflow-pools'\n")
    run_all(tmp_path / "all.toml", tmp_path, tmp_path, print)
    assert done == ["curate", "split", "finetune", "quantise", "calibrate", "gate", "validation", "put_in_place"]
    (tmp_path / "all.toml").write_text(text + "[soup]\nshares = [0.5]\n[quantise]\nway = 'tensorflow-pools'\n")
    with pytest.raises(ValueError, match="another soup"):
        run_all(tmp_path / "all.toml", tmp_path, tmp_path, print)


def test_training_may_happen_on_another_machine_than_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One with a GPU, JAX and more cores, but without TensorFlow."""
    done = _noted(monkeypatch)
    text = CONFIGURED.format(here=tmp_path, about=ABOUT)
    (tmp_path / "all.toml").write_text(text.replace("phases", "workers = 14\nphases"))
    with monkeypatch.context() as there:
        there.setattr("training.feeding.on_tensorflow", lambda: False)
        with pytest.raises(StepRefused, match="needs TensorFlow: copy the folder"):
            run_all(tmp_path / "all.toml", tmp_path, tmp_path, print)
    assert done == ["curate", "split", "finetune"]
    (tmp_path / "all.toml").write_text(text)
    monkeypatch.setattr(Steps, "quantise", lambda _self: done.append("quantise"))
    run_all(tmp_path / "all.toml", tmp_path, tmp_path, print)
    assert done == ["curate", "split", "finetune", "quantise", "calibrate", "gate", "validation", "put_in_place"]


def test_a_run_does_not_go_on_with_other_photographs_or_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def killed(self: Steps) -> None:
        raise Killed

    text = CONFIGURED.format(here=tmp_path, about=ABOUT).replace('weights = "none"', 'weights = "start.h5"')
    (tmp_path / "all.toml").write_text(text)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "start.h5").touch()
    ours, theirs = tmp_path / "a", tmp_path / "b"
    for name in ("curate", "split"):
        monkeypatch.setattr(Steps, name, lambda _self, name=name: done.append(name))
    monkeypatch.setattr(Steps, "finetune", killed)
    with pytest.raises(Killed):
        run_all(tmp_path / "all.toml", ours, ours, print)
    with pytest.raises(ValueError, match=f"with another --data; --data was {ours}: name another folder as run"):
        run_all(tmp_path / "all.toml", theirs, ours, print)
    with pytest.raises(Killed):  # no weights were read yet: others will do
        run_all(tmp_path / "all.toml", ours, theirs, print)
    monkeypatch.setattr(Steps, "finetune", lambda _self: done.append("finetune"))
    monkeypatch.setattr(Steps, "quantise", killed)
    monkeypatch.chdir(tmp_path)
    for same in (Path("a"), ours):
        with pytest.raises(Killed):
            run_all(tmp_path / "all.toml", same, theirs, print)
    with pytest.raises(ValueError, match=f"with another --weights; --weights was {theirs / 'start.h5'}"):
        run_all(tmp_path / "all.toml", ours, ours, print)
    assert done == ["curate", "split", "finetune"]


def test_a_folder_of_another_configuration_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = CONFIGURED.format(here=tmp_path, about=ABOUT)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "steps.json").write_text('{"wanted": {"run": "r"}, "done": ["curate"]}')
    (tmp_path / "all.toml").write_text(text)
    with pytest.raises(ValueError, match="another configuration"):
        run_all(tmp_path / "all.toml", tmp_path, tmp_path, print)


@pytest.fixture
def hospital(tmp_path: Path) -> Path:
    """Two conditions by a hospital's own names, a patient a photograph; and the same as a CSV with boxes."""
    lines = ["file,mrn,disease,x1,y1,x2,y2"]
    for number in range(12):
        file = (
            tmp_path / "photographs" / ("Lupus" if number % 2 else "Ringworm") / f"patient {number}" / f"{number}.jpg"
        )
        file.parent.mkdir(parents=True)
        Image.fromarray(draw(number)).save(file)
        box = "20,30,220,240" if number % 3 else ",,,"
        lines.append(f"{file.relative_to(tmp_path / 'photographs')},{number},{file.parts[-3]},{box}")
    (tmp_path / "photographs" / "cases.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "photographs"


HOSPITAL = """
run = "{here}/run"
bundle = "{here}/bundle"
about = "{about}"
[curate]
labels = {{ Lupus = "lupus_erythematosus", "*" = "other" }}
{more}
[split]
test_share = 0.2
[finetune]
weights = "none"
phases = []
[gate]
keep_limits_of = "{here}"
"""


@pytest.mark.parametrize(
    ("data", "more", "cropped"),
    [
        ("", "source = 'ward 3'", 0),
        ("cases.csv", "columns = { group = 'mrn' }", 0),
        ("cases.csv", "columns = { group = 'mrn' }\ncrop = true", 8),
    ],
    ids=["folders", "table", "cropped"],
)
def test_it_takes_what_curate_takes(hospital: Path, tmp_path: Path, data: str, more: str, cropped: int) -> None:
    wanted = tomllib.loads(HOSPITAL.format(here=tmp_path, about=ABOUT, more=more))
    told: list[str] = []
    steps = Steps(wanted, hospital / data, tmp_path, told.append)
    steps.check_files()
    steps.curate()
    steps.split()
    photographs = ready(Path(steps.recipe.data), Path(steps.recipe.images))  # as finetune looks at them
    assert photographs.rows["label"].value_counts().to_dict() == {"lupus_erythematosus": 6, "other": 6}
    assert set(photographs.rows["condition"]) == {"Lupus", "Ringworm"}
    assert photographs.rows["group"].nunique() == 12
    assert sum("curated/images" in str(photographs.path(n).resolve()) for n in range(12)) == cropped
    assert photographs.pixels(0).ndim == 3
    assert any("12 photographs read: 12 kept" in line for line in told)
