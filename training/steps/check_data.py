"""Step `check-data`: checks every image of the data folder."""

from argparse import Namespace

from training.data.check import check_data
from training.data.find import find_pictures, labels_without_images, other_files


def run(options: Namespace) -> None:
    """Prints counts by label and source, and lists broken, tiny and repeated images."""
    exclude = frozenset(options.exclude)
    pictures = find_pictures(options.data, exclude)
    others, empty = other_files(options.data, exclude), labels_without_images(options.data, exclude)
    print(check_data(options.data, pictures, others, empty).render())
