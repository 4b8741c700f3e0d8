"""Which coalitions are evaluated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedonic_graph.errors import UserError
from hedonic_graph.evaluation.choice import RULE, choose, random_groups, size_class

SIZES = st.lists(st.integers(1, 300), max_size=60).map(lambda sizes: np.array(sizes, np.int64))


def test_classes_end_at_powers_of_two() -> None:
    assert size_class(np.arange(1, 18)).tolist() == [0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5]
    assert size_class(np.array([2**40, 2**40 + 1])).tolist() == [40, 41]


def test_all_of_a_small_class_and_some_of_a_large_one() -> None:
    sizes = np.array([200, 9, 4, 3, 2, 2, 2, 2, 1, 1])
    found = choose(sizes, per_class=2)
    assert found[:4].tolist() == [0, 1, 2, 3]
    assert len(found) == 6
    assert set(found[4:]) < {4, 5, 6, 7}
    assert choose(sizes, per_class=None).tolist() == list(range(8))
    assert choose(sizes, per_class=None, min_size=1).tolist() == list(range(10))


def test_what_is_drawn_is_drawn_by_chance() -> None:
    sizes = np.full(6, 2)
    counts = np.bincount(np.concatenate([choose(sizes, per_class=2, seed=seed) for seed in range(600)]))
    # Each is drawn 200 times on average, with a deviation of 11.5.
    assert (abs(counts - 200) < 50).all()


@given(SIZES, st.integers(1, 8), st.integers(1, 5), st.integers(0, 3))
def test_laws_of_the_choice(sizes: np.ndarray, per_class: int, min_size: int, seed: int) -> None:
    found = choose(sizes, per_class=per_class, min_size=min_size, seed=seed)
    assert found.dtype == np.int64
    assert (np.diff(found) > 0).all()
    assert (sizes[found] >= min_size).all()
    eligible, taken = size_class(sizes[sizes >= min_size]), size_class(sizes[found])
    for one in set(eligible.tolist()):
        assert (taken == one).sum() == min((eligible == one).sum(), per_class)
    # More of each class keeps what was there; what a class holds is no matter of the others.
    assert set(found) <= set(choose(sizes, per_class=per_class + 1, min_size=min_size, seed=seed))
    kept = np.flatnonzero(size_class(sizes) <= 3)
    alone = kept[choose(sizes[kept], per_class=per_class, min_size=min_size, seed=seed)]
    assert set(alone) == {one for one in found if size_class(sizes[[one]])[0] <= 3}


@given(st.integers(1, 40), st.data(), st.integers(0, 3))
def test_laws_of_random_groups(n: int, data: st.DataObject, seed: int) -> None:
    sizes = data.draw(st.lists(st.integers(1, n), max_size=8))
    groups = random_groups(n, sizes, seed=seed)
    assert [len(group) for group in groups] == sizes
    for group in groups:
        assert (np.diff(group) > 0).all()
        assert group[0] >= 0
        assert group[-1] < n
    again = random_groups(n, sizes, seed=seed)
    assert all((one == other).all() for one, other in zip(groups, again, strict=True))


def test_every_neuron_is_in_random_groups_equally_often() -> None:
    counts = np.bincount(np.concatenate(random_groups(5, [2] * 1000, seed=1)), minlength=5)
    assert (abs(counts - 400) < 80).all()


def test_the_rule_in_words() -> None:
    assert "at most 3," in RULE.format(min_size=2, per_class=3, seed=0)


@pytest.mark.parametrize("size", [0, 6])
def test_groups_that_cannot_be_drawn(size: int) -> None:
    with pytest.raises(UserError, match=f"a group of {size} neurons cannot be drawn from 5"):
        random_groups(5, [2, size], seed=0)
