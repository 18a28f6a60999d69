"""Entry point of `python -m training STEP`.

Each worker process imports this file again, so it imports nothing heavy.
"""

import sys

from training.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
