"""The limits of another bundle's photograph checks, kept for a new network: by name, and with how far they carry over.

The limits weigh features of the network they were fitted on. A network that was fine-tuned from it has nearly the same
ones in its early blocks and others in its late ones, so what the limits find and spare was not measured with it. What
is measured is how often both bundles' gates come to the same verdict.
"""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from appliance.vision.assessment import Quality
from appliance.vision.assessor import Assessor
from appliance.vision.bundle import read_card
from appliance.vision.quality.limits import FILE, limits_of
from training.bundle_files import record_gate, replaced, seal, sha256_of
from training.dataset import Photographs
from training.errors import StepRefused
from training.gate.outputs import give_outputs

SHOWN: Final = 100
"""Photographs that both gates look at."""
SEED: Final = 8
METHOD: Final = "limits of another bundle, kept and not fitted; share of photographs with the same verdict of both"


def keep_limits(bundle: Path, of: Path, photographs: Photographs) -> dict[str, Any]:
    """Put the limits of the bundle ``of`` into ``bundle``; returns how often both gates agree, check by check.

    ``photographs``: those to choose from what both are shown; validation ones where there is a split. Raises a
    :class:`appliance.errors.ModelError` where ``of`` has no limits, or one of the bundles cannot be used, what
    :meth:`Photographs.pixels` raises, and ``StepRefused`` where there is nothing to show: ``bundle`` stays as it was.
    """
    limits, shown = limits_of(of, read_card(of).sha256), _some(photographs)
    kept = f"kept from {read_card(of).name}, not fitted on this network; there: {limits.fitted_on}"
    with replaced(bundle) as beside:  # the box takes limits without a word on how they were come by
        give_outputs(beside, beside / read_card(beside).model)
        (beside / FILE).write_text(limits.model_copy(update={"fitted_on": kept}).model_dump_json(indent=1) + "\n")
        seal(beside)
        figures = {
            "method": METHOD,
            "kept_from": read_card(of).name,
            "kept_from_model_sha256": sha256_of(of / read_card(of).model),
            **_agreement(of, beside, shown),
        }
        (beside / "evaluation").mkdir(exist_ok=True)
        (beside / "evaluation" / "gate.json").write_text(json.dumps(figures, indent=1) + "\n")
        record_gate(beside, {"limits": "kept", "fitted_on": kept, **figures})
    return figures


def _some(photographs: Photographs) -> Photographs:
    if "split" in photographs.rows:
        photographs = photographs.of("validation")
    if not len(photographs):
        raise StepRefused(
            "there is no validation photograph to show both gates, so nobody would know how far the kept limits carry "
            "over: hold some back (split --test-share)"
        )
    chosen = np.random.default_rng(SEED).permutation(len(photographs))[:SHOWN]
    return photographs.where(np.isin(np.arange(len(photographs)), chosen))


def _agreement(one: Path, other: Path, photographs: Photographs) -> dict[str, Any]:
    gates = [Assessor.open(bundle, threads=2) for bundle in (one, other)]
    verdicts = [
        [gate.assess(photographs.pixels(row), use_gate=False).quality for row in range(len(photographs))]
        for gate in gates
    ]
    pairs = list(zip(*verdicts, strict=True))
    names = [check.id for check in verdicts[0][0].checks]
    return {
        "photographs": len(photographs),
        "accepted_there": _share([before.accepted for before, _ in pairs]),
        "accepted_here": _share([after.accepted for _, after in pairs]),
        "same_verdict": _share([before.accepted == after.accepted for before, after in pairs]),
        "same_by_check": {name: _share([_ok(a, name) == _ok(b, name) for a, b in pairs]) for name in names},
    }


def _ok(verdict: Quality, name: str) -> bool:
    return next(check.ok for check in verdict.checks if check.id == name)


def _share(found: list[bool]) -> float:
    return round(float(np.mean(found)), 3)


def said(figures: dict[str, Any]) -> str:
    """For a terminal: what was not fitted, and what is known all the same."""
    checks = ", ".join(f"{name} {share}" for name, share in figures["same_by_check"].items() if share < 1)
    return (
        f"The photograph checks were not fitted: the limits of {figures['kept_from']} are kept, and bundle.json and "
        f"the card say so.\nOn {figures['photographs']} photographs both gates accept or refuse alike: "
        f"{figures['same_verdict']} (accepted there {figures['accepted_there']}, here {figures['accepted_here']})"
        + (f"\nChecks that differ somewhere: {checks}" if checks else "")
    )
