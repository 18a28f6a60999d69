"""Finds, checks, groups, splits, decodes and draws pictures."""
