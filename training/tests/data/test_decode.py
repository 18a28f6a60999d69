import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import pyvips

from training.cli import STEPS
from training.data.decode import FIX, centre_crop, decode, load_input, resize
from training.errors import TrainingError
from training.tests.support.pictures_made import draw, save

GOLDEN = Path(__file__).parents[3] / "deploy" / "model" / "golden"
INPUTS = json.loads((GOLDEN / "inputs.json").read_text(encoding="utf-8"))
PICTURES = [given for given in INPUTS["inputs"] if "file" in given]


@pytest.mark.parametrize("given", PICTURES, ids=lambda given: given["id"])
def test_returns_the_same_bytes_as_the_daemon(given: dict[str, str]) -> None:
    pixels = load_input(GOLDEN / given["file"], INPUTS["size"][0])
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == given["inputSha256"]


@pytest.mark.parametrize(
    ("side", "view", "kept", "before"), [(7, 0.75, 5, 1), (6, 0.75, 5, 0), (5, 0.1, 1, 2)]
)
def test_a_view_is_the_middle_with_the_rounding_of_the_daemon(
    side: int, view: float, kept: int, before: int
) -> None:
    pixels = draw(2, 48)[:side, :side]
    cut = slice(before, before + kept)
    assert np.array_equal(centre_crop(pixels, view), pixels[cut, cut])


def test_a_view_is_cropped_before_it_is_resized(tmp_path: Path) -> None:
    save(tmp_path / "a.png", draw(2, 48))
    assert np.array_equal(load_input(tmp_path / "a.png", 36, 0.75), draw(2, 48)[6:42, 6:42])


def test_a_view_of_odd_sides_equals_a_manual_crop_and_resize(tmp_path: Path) -> None:
    pixels = draw(2, 48)[:33, :47]
    save(tmp_path / "a.png", pixels)
    # 24.75 of 33 rows are rounded to 25, from row 4 on. 35.25 of 47 columns are rounded to 35, from column
    # 6 on.
    assert np.array_equal(load_input(tmp_path / "a.png", 20, 0.75), resize(pixels[4:29, 6:41], 20, 20))
    assert np.array_equal(load_input(tmp_path / "a.png", 20), resize(pixels, 20, 20))


def test_finds_six_golden_images() -> None:
    assert len(PICTURES) == 6


@pytest.mark.parametrize("kind", ["grey", "alpha", "grey-alpha", "16-bit", "palette", "cmyk", "webp"])
def test_decodes_every_kind_to_three_channels(kind: str) -> None:
    pixels = draw(3, 48)
    image = pyvips.Image.new_from_memory(pixels.data, 48, 48, 3, "uchar").copy(interpretation="srgb")
    grey = image.colourspace("b-w")
    data = {
        "grey": grey.jpegsave_buffer,
        "alpha": lambda: image.bandjoin(7).pngsave_buffer(),
        "grey-alpha": lambda: grey.bandjoin(7).pngsave_buffer(),
        "16-bit": lambda: image.colourspace("rgb16").pngsave_buffer(),
        "palette": lambda: image.pngsave_buffer(palette=True),
        "cmyk": lambda: image.icc_transform("cmyk", input_profile="srgb").jpegsave_buffer(Q=95),
        "webp": lambda: image.webpsave_buffer(lossless=True),
    }[kind]()
    decoded = decode(data)
    assert decoded.shape == (48, 48, 3) and decoded.dtype == np.uint8
    if kind in {"alpha", "16-bit", "webp"}:
        assert np.array_equal(decoded, pixels)


def test_applies_an_embedded_profile() -> None:
    pixels = draw(4, 48)
    image = pyvips.Image.new_from_memory(pixels.data, 48, 48, 3, "uchar").copy(interpretation="srgb")
    wide = image.icc_transform("p3", input_profile="srgb").pngsave_buffer(profile="p3")
    assert np.abs(decode(wide).astype(int) - pixels).mean() < 2


def test_resize_fills_both_sides() -> None:
    assert resize(draw(1, 64)[:20], 30, 50).shape == (50, 30, 3)
    assert np.array_equal(resize(draw(1, 64), 64, 64), draw(1, 64))


def test_an_error_names_the_file(tmp_path: Path) -> None:
    save(tmp_path / "cut.jpg", draw(0))
    whole = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainingError, match=r"cut\.jpg: is damaged \(VipsJpeg: "):
        load_input(tmp_path / "cut.jpg", 32)
    with pytest.raises(TrainingError, match=r"gone\.jpg: cannot be read"):
        load_input(tmp_path / "gone.jpg", 32)


def test_the_fix_in_the_error_names_an_existing_step() -> None:
    named = re.findall(r"python -m training ([a-z-]+)", FIX)
    assert [step in STEPS for step in named] == [True]


SAMPLES = Path(__file__).parents[3] / "test" / "samples"


def scan_at(data: bytes) -> int:
    """Returns where the data of the last scan begin."""
    at = data.rindex(b"\xff\xda")
    return at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*/*.jpg"))[::6], ids=lambda path: path.stem)
def test_refuses_damaged_scans_and_accepts_a_missing_end_marker(path: Path) -> None:
    data = path.read_bytes()
    whole = decode(data)
    assert np.array_equal(decode(data[:-2]), whole)
    assert np.array_equal(decode(data + bytes(99)), whole)
    at = scan_at(data) + (len(data) - scan_at(data)) * 3 // 10
    with pytest.raises(TrainingError, match=r"is damaged \(VipsJpeg: "):
        decode(data[:at] + bytes(len(data) - at - 2) + data[-2:])
    with pytest.raises(TrainingError, match="is damaged"):
        decode(data[:-200])


def test_the_orientation_of_exif_data_is_applied(tmp_path: Path) -> None:
    image = pyvips.Image.new_from_array(draw(5, 48)[:32]).copy(interpretation="srgb")
    upright = decode(image.write_to_buffer(".png"))
    for orientation, quarters in ((3, 2), (6, -1), (8, 1)):
        image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
        assert np.array_equal(decode(image.write_to_buffer(".png")), np.rot90(upright, quarters))
