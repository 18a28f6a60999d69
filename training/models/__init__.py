"""Networks and their start weights."""
