"""`python -m training STEP`. Nothing heavy is imported here: the workers start this file anew."""

import sys

from training.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
