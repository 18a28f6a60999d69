import numpy as np
import pytest

from training.data.pictures import Picture
from training.data.sampling import epoch_order, weights
from training.errors import TrainingError

PICTURES = [
    *(Picture(f"p{i}", "paper", f"p{i}", "x") for i in range(60)),
    *(Picture(f"m{i}", "metal", "one can", "x") for i in range(30)),
    *(Picture(f"n{i}", "metal", "", "x") for i in range(10)),
]


@pytest.mark.parametrize(
    ("power", "paper"), [(1.0, 0.6), (0.0, 0.5), (0.5, 0.6**0.5 / (0.6**0.5 + 0.4**0.5))]
)
def test_class_power_changes_the_shares_of_classes(power: float, paper: float) -> None:
    found = weights(PICTURES, power, 4)
    assert found.sum() == pytest.approx(1)
    assert found[:60].sum() == pytest.approx(paper)


def test_group_cap_limits_the_weight_of_a_group() -> None:
    capped, free = weights(PICTURES, 1, 4), weights(PICTURES, 1, 0)
    assert capped[60:90].sum() == pytest.approx(0.4 * 4 / 14)
    assert np.allclose(capped[60:90], capped[60]) and np.allclose(capped[90:], 0.4 / 14)
    assert np.allclose(free, 0.01)


@pytest.mark.parametrize(("power", "share"), [(1.0, 0.1), (0.5, 0.25), (0.0, 0.5)])
def test_source_power_raises_a_small_source_within_its_class(power: float, share: float) -> None:
    many = [Picture(f"a{i}", "metal", f"a{i}", "web") for i in range(90)]
    few = [Picture(f"b{i}", "metal", "one bin", "bin") for i in range(50)]
    other = [Picture(f"c{i}", "paper", f"c{i}", "bin") for i in range(70)]
    found = weights(many + few + other, 1, 10, power)
    metal = found[:140].sum()
    assert metal == pytest.approx(140 / 210)
    assert found[90:140].sum() / metal == pytest.approx(share)
    assert np.allclose(found[90:140], found[90])


def test_refuses_an_empty_list() -> None:
    with pytest.raises(TrainingError, match="no training images"):
        weights([], 1, 1)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    found = weights(PICTURES, 0.5, 4)
    first = [epoch_order(found, 70, 3, epoch) for epoch in range(4)]
    np.random.seed(9)
    assert np.array_equal(epoch_order(found, 70, 3, 2), first[2]), "previous epochs have no effect"
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(epoch_order(found, 70, 4, 0), first[0])


@pytest.mark.parametrize("count", [1, 50, 100, 777])
def test_each_image_is_drawn_as_often_as_its_weight(count: int) -> None:
    found = weights(PICTURES, 0.3, 2)
    for epoch in range(10):
        order = epoch_order(found, count, 1, epoch)
        assert order.shape == (count,) and order.dtype == np.int64
        times = np.bincount(order, minlength=len(found))
        assert (times >= np.floor(found * count - 1e-9)).all()
        assert (times <= np.ceil(found * count + 1e-9)).all()


def test_all_images_are_drawn_over_the_epochs() -> None:
    even = np.full(100, 0.01)
    assert sorted(epoch_order(even, 100, 1, 0)) == list(range(100))
    pairs = {tuple(sorted(epoch_order(even, 50, 1, epoch))) for epoch in range(10)}
    assert len(pairs) == 10, "each epoch combines different images"
