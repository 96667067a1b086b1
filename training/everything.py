"""All steps from photographs to a bundle, as one TOML file asks for them.

Each step that ended is written down in ``steps.json`` of the run's folder and not done again, so the same command goes
on after a kill. The bundle is made inside the run's folder and put in its place once all of it is there.
"""

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.files import write_atomically
from appliance.vision.classes import CLASSES
from training.about import About
from training.errors import StepRefused
from training.lock import alone_in
from training.recipe import Phase, Recipe, scaling_for

if TYPE_CHECKING:
    from training.dataset import Split

Config = dict[str, Any]
Say = Callable[[str], object]
DONE: Final = "steps.json"
NAMED: Final = ("imagenet", "none")
"""Starting weights that are no file."""
NEEDED: Final = {"run", "bundle", "about", "finetune"}
SAID: Final = ("columns", "source", "label_by", "label_when", "label_evidence")
"""What [curate] may say of the collection beside its files."""
KEYS: Final = {
    "curate": {*SAID, "collection", "labels", "crop", "margin", "drop", "keep", "bundle", "workers"},
    "split": {"seed", "keep", "test_share", "train_only_sources", "workers"},
    "soup": {"shares"},
    "quantise": {"representatives", "seed", "way"},
    "gate": {"labels", "keep_limits_of"},
}
"""What the tables may ask for; ``finetune`` takes ``workers`` and the fields of :class:`training.recipe.Recipe`."""


ASKED_BY: Final = {
    "curate": ("curate", "--data"),
    "split": ("split",),
    "finetune": ("finetune", "--weights"),
    "soup": ("soup",),
    "quantise": ("quantise", "about"),
    "gate": ("gate",),
}
"""What of the configuration and the command line each step hangs on, in their order: it may change until the step, or a
later one, ended."""


def run_all(config: Path, data: Path, weights: Path, say: Say, *, final: bool = False) -> None:
    """Curate, split, fine-tune, quantise, calibrate, fit the gate, evaluate. Each step says its name to ``say``.

    ``data`` is what ``curate`` reads, or a folder with a manifest.csv; ``weights`` the folder of the starting weights.
    ``final`` also looks at the test photographs. Raises ``StepRefused`` where the TOML asks for something there is not,
    or the run's folder holds what was made with another TOML, other photographs or weights, and
    :class:`training.errors.RunInUse` where another process works in that.
    """
    try:
        wanted = tomllib.loads(config.read_text())
        _check(wanted)
        steps = Steps(wanted, data, weights, say)
        steps.check_files()
    except (KeyError, TypeError, ValueError) as wrong:  # what tomllib raises is a ValueError
        raise StepRefused(f"{config}: {wrong.args[0]}") from wrong
    with alone_in(steps.run, "all"):
        _go_through(steps, {**wanted, **steps.files()}, say, final)


def _go_through(steps: "Steps", wanted: Config, say: Say, final: bool) -> None:
    done = _done(steps.run / DONE, wanted)
    for name, step in steps.in_order(final=final):
        if name in done:
            say(f"— {name}: done before")
            continue
        say(f"— {name}")
        step()
        done.append(name)
        _write(steps.run / DONE, wanted, done)


def _check(wanted: Config) -> None:
    """Before hours are spent: ``KeyError`` for a table or a key that no step knows."""
    for table, keys in KEYS.items():
        if unknown := set(wanted.get(table, {})) - keys:
            raise KeyError(f"[{table}] takes {', '.join(sorted(keys))}, not {', '.join(sorted(unknown))}")
    if unknown := set(wanted) - {*NEEDED, *KEYS}:
        raise KeyError(f"there is {', '.join(sorted({*NEEDED, *KEYS}))}, but no {', '.join(sorted(unknown))}")
    if "soup" in wanted and not wanted["soup"].get("shares"):
        raise KeyError("[soup] needs shares")
    if missing := NEEDED - set(wanted):
        raise KeyError(f"{', '.join(sorted(missing))} is missing")
    if strange := set(wanted.get("curate", {}).get("labels", {}).values()) - {*CLASSES, "other"}:
        raise KeyError(f"[curate] labels are {', '.join(CLASSES)} and other, not {', '.join(sorted(strange))}")
    if len(wanted.get("gate", ("one",))) != 1:
        raise KeyError("[gate] needs either labels, a CSV of quality labels, or keep_limits_of, a bundle")


def _done(file: Path, wanted: Config) -> list[str]:
    """The steps that ended. What is asked of the others may have changed since: a step that failed is tried again."""
    if not file.is_file():
        return []
    kept = json.loads(file.read_text())
    done, before, wanted = list(kept["done"]), _without_workers(kept["wanted"]), _without_workers(wanted)
    last = max((place for place, step in enumerate(ASKED_BY) if step in done), default=-1)
    open_to = {name for names in list(ASKED_BY.values())[last + 1 :] for name in names}
    changed = {name for name in {*before, *wanted} if before.get(name) != wanted.get(name)}
    if fixed := sorted(changed - open_to):
        raise StepRefused(
            f"{file.parent} holds what another configuration made, with another {', '.join(fixed)}"
            f"{''.join(f'; {name} was {before.get(name)}' for name in fixed if name.startswith('--'))}: "
            "name another folder as run"
        )
    return done


def _without_workers(wanted: Config) -> Config:
    """How many processes share the work is no part of what is asked: another machine has another number of cores."""
    return {
        name: {key: asked for key, asked in table.items() if key != "workers"} if isinstance(table, dict) else table
        for name, table in wanted.items()
    }


def _write(file: Path, wanted: Config, done: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps({"wanted": wanted, "done": done}, indent=1).encode())


class Steps:
    """The steps of one TOML file."""

    def __init__(self, wanted: Config, data: Path, weights: Path, say: Say) -> None:
        """Raises ``KeyError`` or ``TypeError`` for what is missing or unknown."""
        self.run, self.shipped = Path(wanted["run"]), Path(wanted["bundle"])
        self.bundle = self.run / "bundle" / self.shipped.name
        self.wanted, self.say, self.about = wanted, say, About.read(Path(wanted["about"]))
        manifest = data / "manifest.csv"
        self.data = manifest if manifest.is_file() else data
        self.curated = self.run / "curated"
        self.split_file = self.curated / "split.csv"
        moved = self.data.is_dir() or wanted.get("curate", {}).get("crop", False)
        self.images = self.split_file if moved else self.data
        self.recipe = recipe(wanted["finetune"], self.split_file, self.images, weights)

    def files(self) -> dict[str, str]:
        """What the command line names and the configuration does not, as absolute paths: a run is of these alone."""
        start = self.recipe.weights
        return {
            "--data": str(self.data.resolve()),
            "--weights": start if start in NAMED else str(Path(start).resolve()),
        }

    def check_files(self) -> None:
        """Before hours are spent. Raises ``StepRefused`` for a file that is named and not there."""
        start, gate = self.recipe.weights, self.wanted.get("gate", {})
        named = {
            "[finetune] weights": start if start not in NAMED else None,
            "[split] keep": self.wanted.get("split", {}).get("keep"),
            "[curate] bundle": self.wanted.get("curate", {}).get("bundle"),
            "[gate] labels": gate.get("labels"),
            "[gate] keep_limits_of": gate.get("keep_limits_of"),
        }
        for name, path in named.items():
            if path is not None and not Path(path).exists():
                raise StepRefused(f"{name}: there is no {path}")
        if not gate and (self.data.is_dir() or not self.data.with_name("quality.csv").is_file()):
            raise StepRefused(
                "there are no labels of quality, so the photograph checks cannot be fitted. Say in a table [gate] what "
                'is to be done: labels = "quality.csv" (docs/evaluation.md says how to make one), or keep_limits_of = '
                '"models/skin8-inceptionv3", the bundle that training starts from'
            )

    def in_order(self, *, final: bool) -> tuple[tuple[str, Callable[[], object]], ...]:
        """Name and function of each step."""
        test = ("evaluate on test photographs", lambda: self.evaluate("test"))
        return (
            ("curate", self.curate),
            ("split", self.split),
            ("finetune", self.finetune),
            *((("soup", self.soup),) if "soup" in self.wanted else ()),
            ("quantise", self.quantise),
            ("calibrate", self.calibrate),
            ("gate", self.gate),
            ("evaluate on validation photographs", lambda: self.evaluate("validation")),
            *((test,) if final else ()),
            (f"put the bundle{' with its test' if final else ''} in its place", self.put_in_place),
        )

    def curate(self) -> None:
        """Look at every photograph once; what was found is kept, so that the next time is quick."""
        from training.curation.collections.record import Options
        from training.curation.curate import SHIPPED, Wishes, curate

        wishes: Config = {"crop": False, **self.wanted.get("curate", {})}
        options = Options(**{name: wishes.pop(name) for name in SAID if name in wishes})
        wishes["bundle"] = Path(wishes.get("bundle", SHIPPED))
        found = curate(self.data, self.curated, Wishes(options=options, only_known=True, **wishes))
        for line in found.lines(self.curated):
            self.say(line)

    def split(self) -> None:
        """The same every time."""
        from training.curation.split import SPLITS, read_earlier, split_file

        wishes = dict(self.wanted.get("split", {}))
        keep = wishes.pop("keep", None)
        earlier = read_earlier(Path(keep) if keep else None)
        train_only = tuple(wishes.pop("train_only_sources", ()))
        manifest = self.curated / "manifest.csv"
        rows = split_file(manifest, self.split_file, earlier=earlier, train_only=train_only, **wishes)
        self.say(", ".join(f"{name} {int((rows['split'] == name).sum())}" for name in SPLITS))

    def soup(self) -> None:
        """Mix with what the run started from."""
        from training.soup import soup

        soup(self.run, tuple(self.wanted["soup"]["shares"]))

    def gate(self) -> None:
        """Limits of the photograph checks: fitted on labels of quality, or kept, as the configuration says."""
        from training.gate import kept, labels, limits
        from training.run import Run

        wished = self.wanted.get("gate", {})
        if "keep_limits_of" in wished:
            photographs = Run.open(self.run).photographs
            self.say(kept.said(kept.keep_limits(self.bundle, Path(wished["keep_limits_of"]), photographs)))
            return
        labelled = (
            labels.read(
                self.split_file, Path(wished["labels"]), originals=self.data if self.data.is_dir() else self.data.parent
            )
            if wished
            else labels.read(self.data)  # also those labelled that curation dropped
        )
        self.say(labelled.said())
        self.say(limits.said(limits.fit_gate(self.bundle, labelled, self.run / "gate")))

    def evaluate(self, split: "Split") -> None:
        """Every figure, the report, the card."""
        from training.evaluation.evaluate import evaluate

        evaluate(self.run, self.bundle, split)

    def finetune(self) -> None:
        """Train, or go on."""
        from training.finetune import finetune

        finetune(self.recipe, self.run, self.wanted["finetune"].get("workers", 0))

    def quantise(self) -> None:
        """INT8, if it passes. The earlier bundle's looks at the photographs stay on record."""
        from training.feeding import on_tensorflow

        if not on_tensorflow():
            raise StepRefused(
                f"the network is trained, and what follows needs TensorFlow: copy the folder {self.run} to a machine "
                "that has it, with the photographs and weights at the same paths, and give the same command there"
            )
        from training.quantisation.quantise import quantise

        if self.shipped.is_dir() and not self.bundle.exists():
            shutil.copytree(self.shipped, self.bundle)
        quantise(
            self.run, self.bundle, self.about, **{"representatives": 240, "seed": 8, **self.wanted.get("quantise", {})}
        )

    def calibrate(self) -> None:
        """On validation photographs."""
        from training.calibration.calibrate import calibrate

        calibrate(self.run, self.bundle)

    def put_in_place(self) -> None:
        """The whole bundle, or none of it: a copy beside its place, then two renames."""
        new, old = (self.shipped.with_name(f".{self.shipped.name}-{which}") for which in ("new", "old"))
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)
        shutil.copytree(self.bundle, new)
        if self.shipped.exists():
            self.shipped.rename(old)
        new.rename(self.shipped)
        shutil.rmtree(old, ignore_errors=True)


def recipe(wanted: Config, split: Path, images: Path, weights: Path) -> Recipe:
    """The recipe of a TOML table; ``weights`` is a name in that folder, ``imagenet`` or ``none``."""
    if lacks := {"weights", "phases"} - set(wanted):
        raise KeyError(f"[finetune] needs {', '.join(sorted(lacks))}")
    rest = dict(wanted)
    rest.pop("workers", None)  # how it is done, not what
    start = rest.pop("weights")
    start = start if start in NAMED else str(weights / start)
    rest["phases"] = tuple(Phase(**phase) for phase in rest["phases"])
    for name in ("exclude_sources", "marked_sources"):
        rest[name] = tuple(rest.get(name, ()))
    scaling = scaling_for(start, rest.pop("scaling", None))
    return Recipe(data=str(split), images=str(images), weights=start, scaling=scaling, **rest)
