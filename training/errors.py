"""The errors that a user can mend."""


class TrainingError(Exception):
    """Says what is wrong, what is allowed and what to do; shown without a stack trace."""
