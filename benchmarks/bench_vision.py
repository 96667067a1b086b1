"""How long one photograph takes, step by step, what the fast kernels are worth, and the gate beside the network."""

import io
from collections.abc import Callable
from pathlib import Path

import ai_edge_litert.interpreter as litert
from machine import compare
from PIL import Image

from appliance.vision.assessment import Quality
from appliance.vision.assessor import Assessor
from appliance.vision.photo import Pixels, decode
from appliance.vision.preprocess import preprocess
from appliance.vision.quality import gate
from appliance.vision.runtime import Network
from appliance.vision.sandbox import Decoder
from training.golden import draw

BUNDLE = Path(__file__).parents[1] / "models/skin8-inceptionv3"


def main() -> None:
    """Print the tables."""
    model = (BUNDLE / "model.tflite").read_bytes()
    view = preprocess(draw())
    plain = litert.Interpreter(
        model_content=model,
        num_threads=1,
        experimental_op_resolver_type=litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    ).get_signature_runner()
    one, two = Network(model, threads=1), Network(model, threads=2)
    compare(
        "One inference",
        "LiteRT without XNNPACK, 1 thread",
        {
            "LiteRT without XNNPACK, 1 thread": lambda: plain(image=view[None]),
            "dermkiosk (LiteRT, XNNPACK), 1 thread": lambda: one.run(view),
            "dermkiosk (LiteRT, XNNPACK), 2 threads": lambda: two.run(view),
        },
    )
    file = io.BytesIO()
    Image.fromarray(draw()).resize((4032, 3024)).save(file, "JPEG", quality=90)
    data = file.getvalue()
    photo = decode(data)
    assessor, alone = Assessor.open(BUNDLE, threads=2), Assessor.open(BUNDLE, threads=1)
    compare(
        "The gate, with the limits and features of the bundle, on one thread",
        "network, 1 thread",
        {"network, 1 thread": lambda: one.run(view), "gate, 1 thread": gate_of(alone, view)},
    )
    with Decoder() as decoder:
        compare(
            "One 12-megapixel JPEG",
            "Pillow, whole picture to RGB",
            {
                "Pillow, whole picture to RGB": lambda: Image.open(io.BytesIO(data)).convert("RGB"),
                "decode": lambda: decode(data),
                "decode in its own process": lambda: decoder(data),
                "preprocess": lambda: preprocess(photo),
                "gate": gate_of(assessor, view),
                "preprocess, gate, network, calibration": lambda: assessor.assess(photo, use_gate=False),
            },
        )


def gate_of(assessor: Assessor, view: Pixels) -> Callable[[], Quality]:
    """All checks of the bundle on a view; what the network computed anyway is there already."""
    limits, outputs = assessor.limits, assessor.network.run(view)
    assert limits is not None, "the bundle has no gate"  # noqa: S101  # a benchmark of it makes no sense then

    def judge() -> Quality:
        return gate.examine(gate.scene_of(view, outputs, limits), limits)

    return judge


if __name__ == "__main__":
    main()
