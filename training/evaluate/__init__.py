"""Evaluation of a model, its report, and the search for wrong labels."""
