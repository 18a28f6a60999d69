"""Training batches from processes of their own, through shared memory."""

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

from training.augment.worker import DONE, Job, Order, serve
from training.config import AugmentConfig
from training.errors import TrainingError

Array = np.ndarray

SLOTS = 4
END_S = 5.0


class Feeder:
    """Makes batches ahead of the training; use it in a `with` statement.

    A batch depends on seed, epoch and step alone: not on the number of workers, nor on where a run begins.
    The workers start a fresh Python each, which imports the main module anew: keep heavy imports
    out of its top.

    Args:
        pixels_path: .npy file of uint8 (N, H, W, 3), RGB; each worker maps it.
        labels: (N,), whole numbers from 0, below `classes`.
        order: the pictures of an epoch as indices (at least `steps_per_epoch` * `batch`), from its number;
            picklable, as functools.partial of a module's function is.
        classes: how many classes there are.
        batch: pictures a batch.
        size: side of the made pictures in pixels.
        steps_per_epoch: batches an epoch.
        config: how pictures are changed.
        seed: decides the changes.
        smoothing: share of a target that is spread over all classes, 0 to 1.
        workers: how many processes; each has room for four batches.

    Raises:
        TrainingError: the pixels are no such file, or the labels do not fit them.
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
            raise TrainingError(f"workers is {workers}; at least 1 is needed")
        check(pixels_path, labels, classes)
        self._job = Job(
            pixels_path, labels, order, classes, batch, size, steps_per_epoch, config, seed, smoothing
        )
        self._count = workers
        self._memory: SharedMemory | None = None
        self._processes: list[SpawnProcess] = []
        self._ends: list[Connection] = []
        self._waiting: list[int] = []
        self._turn = 0

    def __enter__(self) -> Self:
        """Starts the workers."""
        self._memory = SharedMemory(create=True, size=self._count * SLOTS * self._job.slot_bytes)
        context = get_context("spawn")
        try:
            for _ in range(self._count):
                ours, theirs = context.Pipe()
                arguments = (self._job, self._memory.name, theirs)
                process = context.Process(target=serve, args=arguments, daemon=True, name="feeder")
                self._ends.append(ours)
                process.start()
                self._processes.append(process)
                # Only the worker may hold its end: so each side sees the other one go.
                theirs.close()
        except BaseException:
            self.close()
            raise
        self._waiting = [0] * self._count
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends them."""
        self.close()

    def close(self) -> None:
        """Ends the workers and frees the memory; twice does no harm, nor while a thread waits for a batch."""
        self._turn += 1
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
            # A batch may just be copied in another thread: the memory goes when that is done.
            with suppress(BufferError):
                memory.close()

    @property
    def pids(self) -> list[int]:
        """The workers' process ids."""
        return [process.pid for process in self._processes if process.pid is not None]

    def batches(self, first_epoch: int, first_step: int = 0) -> Iterator[tuple[Array, Array]]:
        """Batches without end: images uint8 (B, S, S, 3), RGB, and targets float32 (B, C).

        One such generator at a time: a new one, or closing the feeder, ends the one before.

        Args:
            first_epoch: of the first batch, from 0.
            first_step: of the first batch within its epoch, from 0.

        Raises:
            TrainingError: a worker failed or died, or the feeder is not open.
        """
        memory = self._memory
        if memory is None:
            raise TrainingError("the feeder is not open: use its batches within the `with` statement")
        self._turn += 1
        turn = self._turn
        for worker, count in enumerate(self._waiting):
            for _ in range(count):
                self._answer(worker)
        start = asked = first_epoch * self._job.steps + first_step
        slots = self._count * SLOTS
        for taken in count_from(start):
            try:
                while asked < taken + slots:
                    self._ask(asked - start, asked)
                    asked += 1
                self._answer((taken - start) % self._count)
            except (TrainingError, IndexError):
                if turn == self._turn:
                    raise
            if turn != self._turn:
                return
            images, targets = self._job.slot(memory, (taken - start) % slots)
            made = images.copy(), targets.copy()
            del images, targets
            yield made
            if turn != self._turn:
                return

    def _ask(self, number: int, at: int) -> None:
        worker = number % self._count
        epoch, step = divmod(at, self._job.steps)
        # A worker that is gone may have left a message: the next answer tells.
        with suppress(OSError):
            self._ends[worker].send((number % (self._count * SLOTS), epoch, step))
            self._waiting[worker] += 1

    def _answer(self, worker: int) -> None:
        end, process = self._ends[worker], self._processes[worker]
        connection.wait([end, process.sentinel])
        message = "no message"
        with suppress(EOFError, OSError):
            if end.poll():
                message = end.recv()
        if message == DONE:
            self._waiting[worker] -= 1
            return
        process.join(END_S)
        raise TrainingError(f"a worker that makes batches died with exit code {process.exitcode}: {message}")


def check(pixels_path: Path, labels: Array, classes: int) -> None:
    """Raises a TrainingError unless pixels and labels belong together."""
    try:
        pixels = np.load(pixels_path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise TrainingError(f"{pixels_path}: no file of pixels ({error}); make it anew") from error
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] != 3:
        raise TrainingError(
            f"{pixels_path}: {pixels.dtype} {pixels.shape}; uint8 (N, height, width, 3) is needed"
        )
    if len(labels) != len(pixels):
        raise TrainingError(
            f"{len(labels)} labels for the {len(pixels)} pictures of {pixels_path}; one each is needed"
        )
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= classes:
        raise TrainingError(f"the labels for {pixels_path} must be 0 to {classes - 1}, and at least one")
