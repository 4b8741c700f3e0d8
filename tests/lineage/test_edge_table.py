"""Which edges of a layer step go into the graph, and with which numbers."""

import numpy as np
import pandas as pd
import pytest
import torch
from lineage.steps import blocks, drawn, random_step

from hedonic_graph.lineage.step import LayerStep, edge_table, track


def plain_edges(step: LayerStep, keep: int) -> list[tuple[int, int]]:
    rows, columns = step.mass.shape
    chosen = []
    for i in range(rows):
        for j in range(columns):
            by_source = sorted(range(columns), key=lambda other: (-step.mass[i, other], other))[:keep]
            by_target = sorted(range(rows), key=lambda other: (-step.mass[other, j], other))[:keep]
            if step.matched[i] == j or step.event[i, j] != 0 or step.z[i, j] >= 3 or j in by_source or i in by_target:
                chosen.append((int(step.source[i]), int(step.target[j])))
    return chosen


@pytest.mark.parametrize("keep", [0, 1, 2, 5, 20])
@pytest.mark.parametrize("shares", ["excess", "relative"])
def test_the_edge_table_keeps_what_the_design_says(keep: int, shares: str) -> None:
    step = track(*random_step(9), shuffles=0, shares=shares)
    table = edge_table(step, keep)
    assert list(zip(table["source"].tolist(), table["target"].tolist(), strict=True)) == plain_edges(step, keep)


def test_of_equal_masses_the_edge_table_keeps_the_first() -> None:
    generator = np.random.default_rng(0)
    source, target = blocks(*[2] * 7), blocks(*[2] * 9)
    flows = torch.from_numpy(generator.integers(1, 3, (7, 9)).repeat(2, axis=1)).float()
    step = track(flows, source, target, shuffles=0)
    for keep in (1, 3):
        table = edge_table(step, keep)
        found = list(zip(table["source"].tolist(), table["target"].tolist(), strict=True))
        assert found == plain_edges(step, keep)


def test_the_edge_table_carries_the_numbers_of_each_edge() -> None:
    step = track(*drawn(), shuffles=0)
    table = edge_table(step, keep=2)
    assert list(table) == [
        *("source", "target", "mass", "flow", "alpha", "beta", "lift", "z", "matched", "event"),
    ]
    for edge in table.itertuples():
        i, j = edge.source, edge.target
        for name in ("mass", "flow", "alpha", "beta", "lift", "z"):
            assert getattr(edge, name) == getattr(step, name)[i, j]
        assert edge.matched == (step.matched[i] == j)
        assert edge.event == {0: None, 1: "persist", 2: "split", 3: "merge"}[int(step.event[i, j])]
    assert table["matched"].dtype == bool
    assert {kind for kind in table["event"] if kind} == {"persist", "split", "merge"}
    assert table["event"].isna().any() and not any(isinstance(kind, float) for kind in table["event"])


def test_an_undefined_z_is_nan_in_the_edge_table() -> None:
    flows, _, target = drawn()
    table = edge_table(track(flows[:1], blocks(5), target, shuffles=0))
    assert table["z"].isna().all() and isinstance(table, pd.DataFrame)


def test_an_edge_beyond_chance_is_kept_without_an_event_and_however_weak() -> None:
    kept = 0
    for seed in range(10):
        step = track(*random_step(seed), shares="relative", events="matched", shuffles=0)
        table = edge_table(step, 0)
        alone = table[table["event"].isna() & ~table["matched"]]
        assert (alone["z"] >= 3).all()
        assert (table["z"] >= 3).sum() == (step.z >= 3).sum()
        kept += len(alone)
    assert kept
