import os

# Before TensorFlow is imported: its notes on instruction sets would drown a failure's text.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
