"""Batches: every example once an epoch, of like length, the same again from the seed."""

import random
from itertools import pairwise

from hedonic_graph.tuning.batches import Plan, by_length


def plan(seed: int = 0) -> Plan:
    draw = random.Random(5)
    return Plan(tuple(draw.randint(10, 200) for _ in range(1003)), 8, seed)


def test_every_example_comes_once_an_epoch() -> None:
    one = plan()
    assert one.per_epoch == 126
    for epoch in range(3):
        batches = [one.batch(step) for step in range(epoch * 126, (epoch + 1) * 126)]
        assert sorted(example for batch in batches for example in batch) == list(range(1003))
        assert sorted({len(batch) for batch in batches}) == [3, 8]


def test_epochs_and_seeds_differ_and_steps_repeat() -> None:
    assert plan().batch(3) == plan().batch(3)
    assert plan().batch(3) != plan().batch(3 + 126)
    assert plan().batch(3) != plan(1).batch(3)
    late = plan(2).batch(700)
    assert plan(2).batch(0) != late
    assert plan(2).batch(700) == late


def test_a_batch_holds_examples_of_like_length() -> None:
    one = plan()
    padded = sum(max(one.lengths[e] for e in one.batch(step)) * len(one.batch(step)) for step in range(126))
    assert padded < 1.05 * sum(one.lengths)


def test_batches_come_in_no_order_of_length() -> None:
    one = plan()
    longest = [max(one.lengths[example] for example in one.batch(step)) for step in range(126)]
    assert longest != sorted(longest)
    ups = sum(later > earlier for earlier, later in pairwise(longest))
    assert 40 < ups < 85


def test_by_length_covers_all() -> None:
    batches = by_length([3, 9, 1, 7, 5], 2)
    assert batches == [[1, 3], [4, 0], [2]]
