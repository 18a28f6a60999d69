"""`check-data`: is every picture what it should be?"""

from argparse import Namespace

from training.data.check import check_data
from training.data.find import find_pictures, other_files


def run(options: Namespace) -> None:
    """Prints counts by label and source, and which pictures are broken, tiny or repeated."""
    exclude = frozenset(options.exclude)
    pictures = find_pictures(options.data, exclude)
    print(check_data(options.data, pictures, other_files(options.data, exclude)).render())
