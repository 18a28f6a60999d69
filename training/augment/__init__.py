"""Augmentation: changes, mixes and feeds training images."""
