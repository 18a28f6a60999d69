"""The worker process. It answers each request (slot, epoch, step) by filling a slot of shared memory."""

import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import cv2
import numpy as np

from training.augment.mixing import mix_batch
from training.augment.transform import augment
from training.config import AugmentConfig
from training.errors import TrainingError

Array = np.ndarray
Order = Callable[[int], Array]

DONE = ""


@dataclass(frozen=True)
class Job:
    """The description of all batches. Each worker receives it once.

    Attributes:
        pixels: .npy file of uint8 (N, H, W, 3).
        labels: (N,), integers below `classes`.
        order: maps the number of an epoch to its images, as indices. It must be picklable.
        classes: number of classes.
        batch: images per batch.
        size: side of the produced images in pixels.
        steps: batches per epoch.
        config: the augmentation.
        seed: determines a batch, together with epoch and step.
        smoothing: share of a target that is spread over all classes.
    """

    pixels: Path
    labels: Array
    order: Order
    classes: int
    batch: int
    size: int
    steps: int
    config: AugmentConfig
    seed: int
    smoothing: float

    @property
    def image_bytes(self) -> int:
        """Bytes of the images in a batch."""
        return self.batch * self.size * self.size * 3

    @property
    def slot_bytes(self) -> int:
        """Bytes of a batch: images, then targets. Both are padded so that all targets are aligned."""
        return (self.image_bytes + 63) // 64 * 64 + (self.batch * self.classes * 4 + 63) // 64 * 64

    def slot(self, memory: SharedMemory, number: int) -> tuple[Array, Array]:
        """Returns views of a slot: images uint8 (B, S, S, 3) and targets float32 (B, C)."""
        start = number * self.slot_bytes
        images: Array = np.ndarray((self.batch, self.size, self.size, 3), np.uint8, memory.buf, start)
        behind = start + (self.image_bytes + 63) // 64 * 64
        return images, np.ndarray((self.batch, self.classes), np.float32, memory.buf, behind)


def make_batch(job: Job, pixels: Array, indices: Array, epoch: int, step: int) -> tuple[Array, Array]:
    """Makes the batch of an epoch and step: images uint8 (B, S, S, 3) and targets float32 (B, C).

    Args:
        job: the description of the batches.
        pixels: uint8 (N, H, W, 3).
        indices: the images of the epoch, (steps, B). Surroundings use only these, because `pixels` also holds
            the images of other splits.
        epoch: from 0.
        step: within the epoch, from 0.
    """
    rng = np.random.default_rng([job.seed, epoch, step])
    chosen, others = indices[step], rng.choice(indices.ravel(), job.batch)
    images = np.empty((job.batch, job.size, job.size, 3), np.uint8)
    for row, (index, other) in enumerate(zip(chosen, others, strict=True)):
        images[row] = augment(pixels[index], job.size, job.config, rng, pixels[other])
    targets = np.full((job.batch, job.classes), job.smoothing / job.classes, np.float32)
    targets[np.arange(job.batch), job.labels[chosen]] += np.float32(1 - job.smoothing)
    return mix_batch(images, targets, job.config, rng)


def epoch_indices(job: Job, epoch: int) -> Array:
    """Returns the images of an epoch, (steps, B).

    Raises:
        TrainingError: the order is too short.
    """
    indices = np.asarray(job.order(epoch))
    needed = job.steps * job.batch
    if len(indices) < needed:
        raise TrainingError(
            f"order of epoch {epoch}: {len(indices)} images. {job.steps} steps of {job.batch} need {needed}."
        )
    return indices[:needed].reshape(job.steps, job.batch)


def run_worker(job: Job, memory_name: str, requests: Connection) -> None:
    """Answers requests until the other side closes the connection or exits."""
    # Ctrl-C reaches every process of the terminal. Only the trainer decides when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    memory = SharedMemory(memory_name)
    pixels = np.load(job.pixels, mmap_mode="r").view(np.ndarray)
    loaded, indices = -1, np.empty((0, 0), np.int64)
    try:
        while True:
            number, epoch, step = requests.recv()
            if epoch != loaded:
                loaded, indices = epoch, epoch_indices(job, epoch)
            batch = make_batch(job, pixels, indices, epoch, step)
            for view, part in zip(job.slot(memory, number), batch, strict=True):
                view[:] = part
            del view
            requests.send(DONE)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:
        requests.send(f"{type(error).__name__}: {error}")
        sys.exit(1)
    finally:
        # The traceback of an error still holds views. The process ends anyway.
        with suppress(BufferError):
            memory.close()
