"""Whom each neuron prefers where many are as good: those the game takes."""

from pathlib import Path

import pytest
import torch

from hedonic_graph.game.agreement import choices
from hedonic_graph.results import preferences as room
from hedonic_graph.results.preferences import preferences
from hedonic_graph.valuation.storage import read_phi, write_phi


def valuation(kind: str, n: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    phi = torch.randint(-1, 2, (n, n), generator=generator).float()
    if kind == "zeros":
        phi = torch.zeros(n, n)
        phi[::2] = -0.0
    elif kind == "alike":
        # Equal once they are rounded to half precision.
        phi = 1 + torch.rand(n, n, generator=generator) * 2**-8
    return phi.fill_diagonal_(0.0)


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("kind", ["three values", "zeros", "alike"])
@pytest.mark.parametrize(("n", "k"), [(90, 4), (3, 5), (1, 3)])
def test_ties_go_to_the_smaller_index_as_in_the_game(
    kind: str, n: int, k: int, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "ROWS", 32)
    path = tmp_path / "phi.safetensors"
    write_phi(path, valuation(kind, n), precision)
    kept, count = read_phi(path, torch.device("cpu")), min(k, n - 1)
    found = preferences(path, k)
    for i, row in enumerate(kept.tolist()):
        expected = sorted((j for j in range(n) if j != i), key=lambda j: (-row[j], j))[:count]
        mine = found[found["neuron"] == i]
        assert mine["other"].tolist() == expected == choices(kept, k)[i].tolist()
        assert mine["rank"].tolist() == list(range(1, count + 1))
        assert mine["phi"].tolist() == [row[j] for j in expected]
