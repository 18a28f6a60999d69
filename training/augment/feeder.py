"""Training batches from separate worker processes, through shared memory."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import count as count_from
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from training.augment.worker import DONE, Job, Order, run_worker
from training.config import AugmentConfig
from training.errors import TrainingError

Array = np.ndarray

SLOTS = 4
END_S = 5.0


class Feeder:
    """A producer of batches ahead of the training. Use it in a `with` statement.

    A batch depends on seed, epoch and step alone. The number of workers and the first epoch do not change it.
    Each worker is a new Python process that imports the main module again. Keep heavy imports out of its top
    level.

    Args:
        pixels_path: .npy file of uint8 (N, H, W, 3), RGB. Each worker maps it into memory.
        labels: (N,), integers from 0 to `classes` - 1.
        order: maps the number of an epoch to its images, as at least `steps_per_epoch` * `batch` indices. It
            must be picklable, for example a functools.partial of a module's function.
        classes: number of classes.
        batch: images per batch.
        size: side of the produced images in pixels.
        steps_per_epoch: batches per epoch.
        config: the augmentation.
        seed: determines the changes.
        smoothing: share of a target that is spread over all classes, 0 to 1.
        workers: number of processes. Each has memory for four batches.

    Raises:
        TrainingError: `pixels_path` is not such a file, or the labels do not match it.
    """

    def __init__(
        self,
        pixels_path: Path,
        labels: Array,
        order: Order,
        *,
        classes: int,
        batch: int,
        size: int,
        steps_per_epoch: int,
        config: AugmentConfig,
        seed: int,
        smoothing: float,
        workers: int = 1,
    ) -> None:
        if workers < 1:
            raise TrainingError(f"--workers {workers}: too few. Use at least 1.")
        _check(pixels_path, labels, classes)
        self._job = Job(
            pixels_path, labels, order, classes, batch, size, steps_per_epoch, config, seed, smoothing
        )
        self._count = workers
        self._memory: SharedMemory | None = None
        self._processes: list[SpawnProcess] = []
        self._ends: list[Connection] = []
        self._pending: list[int] = []
        self._generation = 0

    def __enter__(self) -> Self:
        """Starts the workers."""
        self._memory = SharedMemory(create=True, size=self._count * SLOTS * self._job.slot_bytes)
        context = get_context("spawn")
        try:
            for _ in range(self._count):
                ours, theirs = context.Pipe()
                arguments = (self._job, self._memory.name, theirs)
                process = context.Process(target=run_worker, args=arguments, daemon=True, name="feeder")
                self._ends.append(ours)
                process.start()
                self._processes.append(process)
                # Only the worker keeps its end, so each side notices when the other one exits.
                theirs.close()
        except BaseException:
            self.close()
            raise
        self._pending = [0] * self._count
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the workers."""
        self.close()

    def close(self) -> None:
        """Ends the workers and frees the memory. It may be called again, and while a thread waits."""
        self._generation += 1
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join(END_S)
            if process.exitcode is None:
                process.kill()
                process.join()
        for end in self._ends:
            end.close()
        self._ends, self._processes = [], []
        if self._memory is not None:
            memory, self._memory = self._memory, None
            memory.unlink()
            # Another thread may be copying a batch. The memory is then freed after the copy.
            with suppress(BufferError):
                memory.close()

    def batches(self, first_epoch: int) -> Iterator[tuple[Array, Array]]:
        """Yields batches without end: images uint8 (B, S, S, 3), RGB, and targets float32 (B, C).

        Only one generator is active. A new one, or closing the feeder, ends the previous one.

        Args:
            first_epoch: epoch of the first batch, from 0.

        Raises:
            TrainingError: a worker failed or exited, or the feeder is not open.
        """
        memory = self._memory
        if memory is None:
            raise TrainingError("the feeder is not open. Use its batches within the `with` statement.")
        self._generation += 1
        generation = self._generation
        for worker, count in enumerate(self._pending):
            for _ in range(count):
                self._receive(worker)
        start = requested = first_epoch * self._job.steps
        slots = self._count * SLOTS
        for current in count_from(start):
            try:
                while requested < current + slots:
                    self._request(requested - start, requested)
                    requested += 1
                self._receive((current - start) % self._count)
            except (TrainingError, IndexError):
                if generation == self._generation:
                    raise
            if generation != self._generation:
                return
            images, targets = self._job.slot(memory, (current - start) % slots)
            batch = images.copy(), targets.copy()
            del images, targets
            yield batch
            if generation != self._generation:
                return

    def _request(self, number: int, at: int) -> None:
        worker = number % self._count
        epoch, step = divmod(at, self._job.steps)
        # A worker that exited may have left a message, which `_receive` reads.
        with suppress(OSError):
            self._ends[worker].send((number % (self._count * SLOTS), epoch, step))
            self._pending[worker] += 1

    def _receive(self, worker: int) -> None:
        end, process = self._ends[worker], self._processes[worker]
        connection.wait([end, process.sentinel])
        message = "no message"
        with suppress(EOFError, OSError):
            if end.poll():
                message = end.recv()
        if message == DONE:
            self._pending[worker] -= 1
            return
        process.join(END_S)
        raise TrainingError(f"worker for batches: exited with code {process.exitcode} ({message})")


def _check(pixels_path: Path, labels: Array, classes: int) -> None:
    """Raises a TrainingError if pixels and labels do not match."""
    try:
        pixels = np.load(pixels_path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{pixels_path}: not a file of pixels ({error}). Delete it, and run the step again."
        ) from error
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] != 3:
        raise TrainingError(
            f"{pixels_path}: {pixels.dtype} {pixels.shape} instead of uint8 (N, height, width, 3). "
            "Delete it, and run the step again."
        )
    if len(labels) != len(pixels):
        raise TrainingError(
            f"{pixels_path}: {len(pixels)} images, but {len(labels)} labels. Each image needs one label."
        )
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= classes:
        raise TrainingError(
            f"{pixels_path}: invalid labels. They must be integers from 0 to {classes - 1}, one or more."
        )
