"""Judging a model: figures, calibration, plots, the model card, label noise, folds."""
