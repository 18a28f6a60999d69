"""Progress of long work, on standard error."""

import sys
import time


class Progress:
    """A counter that prints `done/total`, the rate and the time left, at most every `every_s` seconds.

    Args:
        what: the name of the work.
        total: number of images.
        every_s: shortest time between two lines, in seconds.
    """

    def __init__(self, what: str, total: int, every_s: float = 2.0) -> None:
        self.what, self.total, self.every_s = what, total, every_s
        self.done = 0
        self._start = self._last = time.monotonic()

    def add(self, count: int = 1, note: str = "") -> None:
        """Counts `count` more images. `note` is printed after the figures."""
        self.done += count
        now = time.monotonic()
        if now - self._last < self.every_s and self.done < self.total:
            return
        self._last = now
        rate = self.done / max(now - self._start, 1e-9)
        left_s = max(self.total - self.done, 0) / max(rate, 1e-9)
        counts = f"{self.done}/{self.total} images, {rate:.1f} images/s"
        line = f"{self.what}: {counts}, {clock(left_s)} left"
        end = "\n" if self.done >= self.total or not sys.stderr.isatty() else "\r"
        print(f"{line} {note}".rstrip(), end=end, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """Returns seconds as `h:mm:ss`."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
