import os

# Set before TensorFlow is imported. Its notes on instruction sets would hide the text of a failure.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
