"""Finds, checks, groups, splits, decodes and draws images."""
