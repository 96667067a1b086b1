"""What firmware/picamera.py uses of picamera2, as its sources say. Recorded anew by
``python picamera2_api.py FOLDER VERSION``.

picamera2 cannot be imported without libcamera, which is a system package of the Raspberry Pi; its sources can be read.
"""

import ast
import json
import sys
from pathlib import Path

RECORD = Path(__file__).with_suffix(".json")
USED = {
    "picamera2.py": {
        "Picamera2": (
            "__init__",
            "global_camera_info",
            "camera_properties",
            "camera_controls",
            "create_preview_configuration",
            "configure",
            "set_controls",
            "start",
            "close",
            "captured_request",
            "capture_metadata",
        )
    },
    "request.py": {"CompletedRequest": ("make_array", "get_metadata")},
}
Signatures = dict[str, list[str]]


def signatures(package: Path) -> Signatures:
    """``Class.method`` → names of its parameters, in order, of the package whose sources lie in ``package``."""
    found: Signatures = {}
    for file, classes in USED.items():
        for node in ast.walk(ast.parse((package / file).read_text())):
            if isinstance(node, ast.ClassDef) and node.name in classes:
                found |= _of(node, classes[node.name])
    return found


def _of(node: ast.ClassDef, names: tuple[str, ...]) -> Signatures:
    """The last definition of a name counts: those before it are overloads."""
    methods = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name in names]
    return {f"{node.name}.{each.name}": [argument.arg for argument in each.args.args] for each in methods}


if __name__ == "__main__":
    RECORD.write_text(
        json.dumps({"version": sys.argv[2], "signatures": signatures(Path(sys.argv[1]))}, indent=2) + "\n"
    )
