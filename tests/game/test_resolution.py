"""How far two consensus partitions agree by resolution, and which resolution the rule takes."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from hedonic_graph.game.consensus import consensus
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.resolution import chosen, compare, pooled


def noisy(seed: int, share: float = 0.15) -> list[Partition]:
    """Ten draws of groups of five inside groups of twenty, in which some neurons stray, and one that is alone."""
    draw = np.random.default_rng(seed)
    found = []
    for number in range(10):
        true = np.arange(80) // (5 if number % 2 else 20)
        strayed = np.where(draw.random(80) < share, draw.integers(16, size=80), true)
        found.append(Partition.from_labels(np.append(strayed, 99)))
    return found


def test_rows_are_what_two_consensus_partitions_say() -> None:
    one, other = noisy(0), noisy(1)
    table = compare(one, other, [1.0, 4.5, 100.0], seed=3)
    assert table["resolution"].tolist() == [1.0, 4.5, 100.0]
    for row in table.to_dict("records"):
        pair = [consensus(held, resolution=row["resolution"], seed=3).partition for held in (one, other)]
        assert row["adjusted_rand"] == pytest.approx(adjusted_rand_score(pair[0].labels, pair[1].labels))
        members = [[len(one) for one in partition.coalitions()] for partition in pair]
        large = [[size for size in sizes if size >= 3] for sizes in members]
        assert row["coalitions"] == min(map(len, large))
        assert row["cover"] == pytest.approx(min(map(sum, large)) / 81)
        assert row["largest"] == pytest.approx(max(map(max, members)) / 81)
    assert table["coalitions"].iloc[0] == 4
    assert table["cover"].iloc[0] < 1
    # Something is told apart: they do not all say the same.
    assert table["adjusted_rand"].nunique() > 1


def rows(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"resolution": [1.0, 2.0, 4.0, 8.0]} | columns)


def test_the_rule() -> None:
    table = rows(
        adjusted_rand=[0.9, 0.7, 0.6, 0.65],
        coalitions=[30, 30, 31, 40],
        cover=[1.0, 0.8, 0.9, 0.79],
        largest=[0.25, 0.24, 0.1, 0.1],
    )
    assert chosen(table) == 2.0  # 1 holds a quarter of the layer in one, 8 leaves too many out
    assert chosen(table.assign(coalitions=[50, 29, 30, 50])) == 4.0
    assert chosen(table.assign(cover=[0.7] * 4)) is None


def test_several_layers_and_halvings_count_by_their_worst() -> None:
    one = rows(adjusted_rand=[0.5] * 4, coalitions=[40] * 4, cover=[0.9] * 4, largest=[0.2, 0.1, 0.1, 0.1])
    other = rows(adjusted_rand=[0.7] * 4, coalitions=[20, 50, 50, 50], cover=[0.95] * 4, largest=[0.1] * 4)
    found = pooled([one, other])
    assert found["adjusted_rand"].tolist() == pytest.approx([0.6] * 4)
    assert found["coalitions"].tolist() == [20, 40, 40, 40]
    assert found["cover"].tolist() == [0.9] * 4
    assert found["largest"].tolist() == [0.2, 0.1, 0.1, 0.1]
