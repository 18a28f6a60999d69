"""Finds images whose label may be wrong, and draws contact sheets of them."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge.metrics import Floats, Ints, check_logits, share

COLUMNS, PAGE = 10, 60
THUMB, GAP, TEXT = 128, 8, 48


@dataclass(frozen=True)
class Disagreement:
    """An image whose label differs from the model's prediction.

    Attributes:
        picture: the image, with its current label.
        predicted: the label with the highest probability.
        confidence: the probability of `predicted`.
        margin: the probability of the current label minus `confidence`, -1 to 0. The lower, the more likely
            the current label is wrong.
        confident: whether `confidence` is at least the mean probability that the images labelled `predicted`
            get for that label. Source: Northcutt et al., Confident learning, 2021.
    """

    picture: Picture
    predicted: str
    confidence: float
    margin: float
    confident: bool


def rank_disagreements(
    probabilities: Floats, labels: Ints, pictures: Sequence[Picture], names: Sequence[str]
) -> list[Disagreement]:
    """Returns all images whose label differs from the prediction, the lowest margin first.

    A model repeats the labels that it was trained on. The probabilities of an image must therefore come
    from a model that was trained without the image and its group (see `predict_out_of_fold`).

    Args:
        probabilities: (N, C), each row from a model that was trained without the row's image.
        labels: the current labels (N,), as positions in `names`.
        pictures: N images.
        names: the C labels.

    Raises:
        TrainingError: the shapes do not match, or the rows are not probabilities.
    """
    check_logits(probabilities, labels, pictures)
    if probabilities.shape[1] != len(names):
        raise TrainingError(
            f"{probabilities.shape[1]} probabilities an image, but {len(names)} labels. Both must be equal."
        )
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3) or (probabilities < 0).any():
        raise TrainingError(
            "probabilities: a row does not add up to 1, or has a negative value. Use softmax scores."
        )
    rows = np.arange(len(labels))
    own = probabilities[rows, labels]
    others = probabilities.copy()
    others[rows, labels] = -1
    predicted = others.argmax(axis=1)
    best = others[rows, predicted]
    sums = np.bincount(labels, own, minlength=len(names))
    usual = np.nan_to_num(share(sums, np.bincount(labels, minlength=len(names))), nan=1.0)
    differing = np.flatnonzero(best > own)
    order = differing[np.argsort((own - best)[differing], kind="stable")]
    return [
        Disagreement(
            pictures[row],
            names[predicted[row]],
            float(best[row]),
            float(own[row] - best[row]),
            bool(best[row] >= usual[predicted[row]]),
        )
        for row in order.tolist()
    ]


def write_sheets(folder: Path, disagreements: Sequence[Disagreement], data: Path) -> list[Path]:
    """Writes contact sheets of up to 60 images, and `disagreements.csv`. Both use the same numbers.

    Sheets of an earlier call are removed, because their numbers do not match the new list.

    Args:
        folder: created if it does not exist.
        disagreements: in the order of the sheets.
        data: the data folder.

    Returns:
        The sheets, `disagreements-01.png` and so on.

    Raises:
        TrainingError: an image cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("disagreements-*.png"):
        old.unlink()
    with (folder / "disagreements.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["number", "file", "split", "label", "predicted", "confidence", "margin", "confident"]
        )
        for number, found in enumerate(disagreements, 1):
            figures = [f"{found.confidence:.3f}", f"{found.margin:.3f}", int(found.confident)]
            picture = found.picture
            writer.writerow([number, picture.file, picture.split, picture.label, found.predicted, *figures])
    pages = []
    for start in range(0, len(disagreements), PAGE):
        path = folder / f"disagreements-{start // PAGE + 1:02}.png"
        _draw_page(disagreements[start : start + PAGE], data, start + 1).save(path, optimize=True)
        pages.append(path)
    return pages


def _draw_page(found: Sequence[Disagreement], data: Path, first: int) -> Image.Image:
    columns = min(COLUMNS, len(found))
    rows = -(-len(found) // columns)
    width, height = THUMB + GAP, THUMB + TEXT + GAP
    page = Image.new("RGB", (columns * width + GAP, rows * height + GAP), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(11)
    for index, entry in enumerate(found):
        x, y = GAP + index % columns * width, GAP + index // columns * height
        thumb = _read_thumb(data / entry.picture.file)
        page.paste(thumb, (x + (THUMB - thumb.width) // 2, y + (THUMB - thumb.height) // 2))
        lines = (
            (f"{first + index} {entry.picture.file.rsplit('/', 1)[-1]}", "black"),
            (f"label: {entry.picture.label}", "black"),
            (f"{entry.predicted}? {entry.confidence:.2f}", "#b00020" if entry.confident else "black"),
        )
        for line, (text, colour) in enumerate(lines):
            draw.text((x, y + THUMB + 2 + 15 * line), _shorten(text, font), fill=colour, font=font)
    return page


def _read_thumb(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            thumb = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        raise TrainingError(
            f"{path}: cannot be read as an image. Check that --data names the data folder."
        ) from error
    thumb.thumbnail((THUMB, THUMB))
    return thumb


def _shorten(text: str, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont") -> str:
    if font.getlength(text) <= THUMB:
        return text
    while font.getlength(f"{text}…") > THUMB:
        text = text[:-1]
    return f"{text}…"
