"""Errors that the user can correct."""


class TrainingError(Exception):
    """An error whose text states the problem and the fix. It is printed without a stack trace."""
