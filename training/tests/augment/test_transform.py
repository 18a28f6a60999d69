"""Augmentation of one image: shape, reproducibility, the mild share, and a visible item."""

from dataclasses import replace

import numpy as np
import pytest

from training.augment import colour, degrade, geometry
from training.augment.grain import draw_grain
from training.augment.transform import augment
from training.config import AugmentConfig

CONFIG = AugmentConfig()
STILL = replace(CONFIG, exposure=(0.0, 0.0), cast=0.0, blur=0.0, noise=0.0, jpeg=0.0, occlusion=0.0)


def scene(height: int = 96, width: int = 96) -> np.ndarray:
    """Draws a green patch in the middle of a grey gradient."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = np.linspace(60, 180, width).astype(np.uint8)[None, :, None]
    picture[height * 2 // 5 : height * 3 // 5, width * 2 // 5 : width * 3 // 5] = (20, 220, 30)
    return picture


def green(picture: np.ndarray) -> int:
    values = picture.astype(int)
    return int(((values[..., 1] > values[..., 0] + 60) & (values[..., 1] > values[..., 2] + 60)).sum())


@pytest.mark.parametrize("shape", [(96, 96), (60, 90), (255, 255)])
@pytest.mark.parametrize("size", [48, 160])
def test_every_result_has_the_requested_size(shape: tuple[int, int], size: int) -> None:
    picture, other = scene(*shape), scene(80, 70)
    before = picture.copy()
    for seed in range(30):
        result = augment(picture, size, CONFIG, np.random.default_rng(seed), other if seed % 2 else None)
        assert result.shape == (size, size, 3)
        assert result.dtype == np.uint8
    assert (picture == before).all()


def test_the_generator_state_determines_the_result() -> None:
    one, two = ([augment(scene(), 64, CONFIG, r, scene(50, 50)) for _ in range(20)] for r in rngs(7, 7))
    assert all((a == b).all() for a, b in zip(one, two, strict=True))
    assert len({a.tobytes() for a in one}) == 20


def rngs(*seeds: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in seeds]


def test_the_mild_share_of_images_is_changed_little() -> None:
    picture = scene(64, 64)

    def near(result: np.ndarray) -> bool:
        return bool(min(np.abs(result.astype(int) - p).mean() for p in (picture, picture[:, ::-1])) < 26)

    def share(mild: float) -> float:
        rng = np.random.default_rng(2)
        config = replace(CONFIG, mild=mild, scale=(0.39, 0.5))
        return float(np.mean([near(augment(picture, 64, config, rng, None)) for _ in range(300)]))

    rest = share(0.0)
    assert share(1.0) == 1
    assert rest < 0.2
    assert share(0.5) == pytest.approx(0.5 + 0.5 * rest, abs=0.1)


def test_the_middle_of_the_image_stays_in_the_frame() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        result = augment(scene(), 96, STILL, rng, None)
        assert green(result) > 96 * 96 * 0.04 * 0.39**2 / 3


def test_a_small_image_stays_mostly_in_the_frame() -> None:
    rng = np.random.default_rng(3)
    x, y = np.meshgrid(np.linspace(0, 99, 21), np.linspace(0, 99, 21))
    points = np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    for _ in range(300):
        placement = geometry.draw_placement(100, 100, 64, replace(CONFIG, scale=(0.39, 0.9)), rng)
        across, down, depth = placement.matrix @ points
        inside = np.abs(np.stack([across, down]) / depth - 31.5).max(axis=0) <= 32
        assert inside.mean() > 0.55


def test_the_surroundings_are_the_other_image_if_configured() -> None:
    config = replace(STILL, mild=0.0, scale=(0.4, 0.5), background=1.0)
    red = np.zeros((90, 90, 3), np.uint8)
    red[..., 0] = 200
    for rng in rngs(*range(30)):
        result = augment(scene(), 64, config, rng, red).astype(int)
        assert ((result[..., 0] > result[..., 1] + 40) & (result[..., 0] > result[..., 2] + 40)).mean() > 0.4


def test_an_image_of_full_size_covers_the_frame() -> None:
    for side, covers in ((1.0, True), (0.98, False)):
        placement = geometry.compose(96, 96, 64, side=side, linear=np.eye(2), shift=(0, 0), tilt=(0, 0))
        assert placement.covers(96, 96, 64) == covers


def test_a_fine_pattern_shrinks_to_its_mean() -> None:
    stripes = np.zeros((240, 240, 3), np.uint8)
    stripes[:, ::2] = 255
    placement = geometry.compose(240, 240, 60, side=1.0, linear=np.eye(2), shift=(0, 0), tilt=(0, 0))
    result = geometry.place(stripes, placement, None, 60)
    assert np.abs(result.astype(int) - 127.5).max() <= 1


def test_an_identity_warp_keeps_the_image() -> None:
    placement = geometry.compose(96, 96, 96, side=1.0, linear=np.eye(2), shift=(0, 0), tilt=(0, 0))
    assert (geometry.place(scene(), placement, None, 96) == scene()).all()


def test_light_and_colour_stay_within_limits() -> None:
    rng = np.random.default_rng(4)
    grey = np.full((32, 32, 3), 128, np.uint8)
    for _ in range(300):
        mean = colour.recolour(grey, CONFIG, rng).mean(axis=(0, 1))
        assert mean.min() > 15
        assert mean.max() < 250
        assert mean.max() / mean.min() < 2.5
        assert np.abs(colour.recolour_mildly(grey, CONFIG, rng).astype(int) - 128).max() < 45


def test_exposure_is_in_stops_and_curves_never_decrease() -> None:
    plain = colour.make_curves(0.0, np.ones(3), 1.0, 1.0)
    assert np.abs(plain[:200, 0].astype(int) - np.arange(200)).max() == 0
    darker = colour.make_curves(-1.0, np.ones(3), 1.0, 1.0)
    assert (darker[128] / 255) ** 2.2 == pytest.approx(0.5 * (128 / 255) ** 2.2, rel=0.02)
    for rng in rngs(*range(50)):
        assert (np.diff(colour.draw_curves(CONFIG, rng).astype(int), axis=0) >= 0).all()


def test_occlusion_covers_at_most_a_third_of_the_item() -> None:
    rng = np.random.default_rng(5)
    hidden = []
    for side in (0.4, 1.0, 1.8):
        for _ in range(150):
            changed = (degrade.occlude(np.full((100, 100, 3), 111, np.uint8), side, rng) != 111).any(axis=2)
            hidden.append(changed.mean())
            assert changed.mean() <= degrade.OCCLUDED * min(side, 1) ** 2
    assert np.mean(hidden) > 0.01


def test_blur_keeps_the_brightness_at_every_size() -> None:
    for radius in (0.6, 1.7, 3.0):
        assert degrade.make_disc(radius).sum() == pytest.approx(1)
    for angle in (0.0, 0.8, 1.6, 3.0):
        assert degrade.make_line(9, angle).sum() == pytest.approx(1)
        assert max(degrade.make_line(degrade.LONGEST, angle).shape) <= 11
    for size in (32, 224, 400):
        picture = scene(size, size)
        for rng in rngs(1, 2, 3, 4):
            assert degrade.blur(picture, rng).mean() == pytest.approx(picture.mean(), abs=1.5)


def test_noise_has_the_given_strength_and_grows_with_brightness() -> None:
    assert draw_grain((300, 300), np.random.default_rng(0)).std() == pytest.approx(1, abs=0.01)
    assert abs(draw_grain((300, 300), np.random.default_rng(0)).mean()) < 0.01
    for rng in rngs(*range(8)):
        dark, bright = (np.full((64, 64, 3), level, np.uint8) for level in (40, 210))
        assert degrade.sensor_noise(bright, 10, rng).std() == pytest.approx(9.4, abs=1)
        assert degrade.sensor_noise(dark, 10, rng).std() < 9.4
        assert degrade.sensor_noise(dark, 10, rng).mean() == pytest.approx(40, abs=0.5)


def test_jpeg_keeps_red_red() -> None:
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 200
    assert np.abs(degrade.recompress(red, 30).astype(int) - red).max() < 12
