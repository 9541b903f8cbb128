"""Settings that must be there before TensorFlow is imported."""

import os

# As commands/program.py does: otherwise TensorFlow logs a traceback of its own beside a user's error.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
