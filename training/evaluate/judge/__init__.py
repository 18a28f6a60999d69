"""Evaluation of a trained model: metrics, calibration, thresholds and comparisons."""
