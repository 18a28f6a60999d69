"""Figures of a model: metrics, calibration, thresholds, comparisons."""
