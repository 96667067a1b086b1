"""Keras, and TensorFlow where that is its backend, imported without what their libraries print on the way.

A screenful about kernels and missing GPUs looks like a fault to whoever runs a command for the first time, and
TF_CPP_MIN_LOG_LEVEL does not hold it back.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

STDERR: Final = 2


@contextmanager
def holding_back() -> Iterator[None]:
    """What any library writes to the process's stderr meanwhile is shown only where an error is raised."""
    sys.stderr.flush()
    own = os.dup(STDERR)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), STDERR)
        try:
            yield
        except BaseException:  # whatever it is, it is raised again
            held.seek(0)
            os.write(own, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(own, STDERR)
            os.close(own)


with holding_back():
    import keras as keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.list_physical_devices("GPU")  # the first time it complains where there is none
