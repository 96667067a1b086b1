"""Keras, and TensorFlow where that is its backend, imported without what their libraries print on the way.

A screenful about kernels and missing GPUs looks like a fault to whoever runs a command for the first time, and
TF_CPP_MIN_LOG_LEVEL does not hold it back.
"""

from training.quiet import holding_back

with holding_back():
    import keras as keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.list_physical_devices("GPU")  # the first time it complains where there is none

# Where Keras would print a table of every tensor it exports, it logs it, which nobody sees who does not ask.
keras.config.disable_interactive_logging()
