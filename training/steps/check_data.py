"""`check-data`: is every picture what it should be?"""

from argparse import Namespace

from training.data.check import check_data
from training.data.find import find_pictures


def run(options: Namespace) -> None:
    """Prints counts by label and source, and which pictures are broken, tiny or repeated."""
    pictures = find_pictures(options.data, exclude=frozenset(options.exclude))
    print(check_data(options.data, pictures).render())
