"""How long one photograph takes, step by step, and what the fast kernels are worth."""

import io
from pathlib import Path

import ai_edge_litert.interpreter as litert
from machine import compare
from PIL import Image

from appliance.vision.assessor import Assessor
from appliance.vision.photo import decode
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
    assessor = Assessor.open(BUNDLE, threads=2)
    with Decoder() as decoder:
        compare(
            "One 12-megapixel JPEG",
            "Pillow, whole picture to RGB",
            {
                "Pillow, whole picture to RGB": lambda: Image.open(io.BytesIO(data)).convert("RGB"),
                "decode": lambda: decode(data),
                "decode in its own process": lambda: decoder(data),
                "preprocess": lambda: preprocess(photo),
                "gate": lambda: gate.judge(view),
                "preprocess, gate, network, calibration": lambda: assessor.assess(photo, use_gate=False),
            },
        )


if __name__ == "__main__":
    main()
