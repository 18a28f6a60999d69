"""Finds pictures whose label may be wrong, and shows them."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from training.data.pictures import Picture
from training.errors import TrainingError
from training.evaluate.judge.metrics import Floats, Ints, check, share

COLUMNS, PAGE = 10, 60
THUMB, GAP, TEXT = 128, 8, 48


@dataclass(frozen=True)
class Disagreement:
    """A picture that the model calls otherwise than its label.

    Attributes:
        picture: with the given label.
        predicted: the label with the highest probability.
        confidence: its probability.
        margin: probability of the given label less that of the best other one, -1 to 0; lower is odder.
        confident: the probability is at least the mean one of the pictures that bear the predicted label. As
            in confident learning: such a picture looks like the other class even by that class's standard.
    """

    picture: Picture
    predicted: str
    confidence: float
    margin: float
    confident: bool


def rank_disagreements(
    probabilities: Floats, labels: Ints, pictures: Sequence[Picture], names: Sequence[str]
) -> list[Disagreement]:
    """All pictures that the model calls otherwise, the oddest first.

    A model knows the labels it was trained on by heart, so the probabilities of a picture must come from a
    model that did not see it or its group (`folds.group_folds`).

    Args:
        probabilities: (N, C), out of fold.
        labels: the given labels (N,), positions in `names`.
        pictures: N of them.
        names: the C labels.
    """
    check(probabilities, labels, pictures)
    if probabilities.shape[1] != len(names):
        raise TrainingError(f"{probabilities.shape[1]} probabilities a picture, but {len(names)} labels")
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3) or (probabilities < 0).any():
        raise TrainingError(
            "the rows of the probabilities do not add up to 1; give softmax scores, not logits"
        )
    rows = np.arange(len(labels))
    own = probabilities[rows, labels]
    others = probabilities.copy()
    others[rows, labels] = -1
    predicted = others.argmax(axis=1)
    best = others[rows, predicted]
    sums = np.bincount(labels, own, minlength=len(names))
    usual = np.nan_to_num(share(sums, np.bincount(labels, minlength=len(names))), nan=1.0)
    odd = np.flatnonzero(best > own)
    order = odd[np.argsort((own - best)[odd], kind="stable")]
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


def write_sheet(
    folder: Path, disagreements: Sequence[Disagreement], data: Path, page_size: int = PAGE
) -> list[Path]:
    """Writes contact sheets of at most 60 pictures, and `disagreements.csv` with the same numbers.

    Sheets of an earlier call go: their numbers would not be those of the list.

    Args:
        folder: is made where it lacks.
        disagreements: in the order they are shown.
        data: the folder that the pictures' files are under.
        page_size: pictures a page, 1 to 60.

    Returns:
        The pages, `disagreements-01.png` and so on.
    """
    if not 1 <= page_size <= PAGE:
        raise TrainingError(f"{page_size} pictures a page; allowed are 1 to {PAGE}")
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
    for start in range(0, len(disagreements), page_size):
        path = folder / f"disagreements-{start // page_size + 1:02}.png"
        _page(disagreements[start : start + page_size], data, start + 1).save(path, optimize=True)
        pages.append(path)
    return pages


def _page(found: Sequence[Disagreement], data: Path, first: int) -> Image.Image:
    columns = min(COLUMNS, len(found))
    rows = -(-len(found) // columns)
    width, height = THUMB + GAP, THUMB + TEXT + GAP
    page = Image.new("RGB", (columns * width + GAP, rows * height + GAP), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(11)
    for index, entry in enumerate(found):
        x, y = GAP + index % columns * width, GAP + index // columns * height
        thumb = _thumb(data / entry.picture.file)
        page.paste(thumb, (x + (THUMB - thumb.width) // 2, y + (THUMB - thumb.height) // 2))
        lines = (
            (f"{first + index} {entry.picture.file.rsplit('/', 1)[-1]}", "black"),
            (f"is: {entry.picture.label}", "black"),
            (f"{entry.predicted}? {entry.confidence:.2f}", "#b00020" if entry.confident else "black"),
        )
        for line, (text, colour) in enumerate(lines):
            draw.text((x, y + THUMB + 2 + 15 * line), _fitted(text, font), fill=colour, font=font)
    return page


def _thumb(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            thumb = image.convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        raise TrainingError(f"{path}: not a picture that can be read; is this the data folder?") from error
    thumb.thumbnail((THUMB, THUMB))
    return thumb


def _fitted(text: str, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont") -> str:
    if font.getlength(text) <= THUMB:
        return text
    while font.getlength(f"{text}…") > THUMB:
        text = text[:-1]
    return f"{text}…"
