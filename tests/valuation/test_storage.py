"""The file of phi: what comes back, how far off half precision is, and that the whole of it is mapped."""

from pathlib import Path

import pytest
import torch

from hedonic_graph.valuation.storage import HALF_ERROR, HALF_LEAST, read_phi, read_rows, write_phi

CPU = torch.device("cpu")


def drawn(n: int, scale: float) -> torch.Tensor:
    """Values over twelve orders of magnitude, of both signs."""
    generator = torch.Generator().manual_seed(0)
    size = 10 ** (-12 * torch.rand(n, n, generator=generator, dtype=torch.float64))
    sign = torch.randn(n, n, generator=generator).sign()
    return (scale * size * sign).float().fill_diagonal_(0.0)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_rows_are_those_of_the_whole(tmp_path: Path, precision: str) -> None:
    write_phi(tmp_path / "phi", drawn(70, 1.0), precision)
    whole = read_phi(tmp_path / "phi", CPU)
    assert whole.dtype == torch.float32
    found = [read_rows(tmp_path / "phi", start, 32) for start in (0, 32, 64)]
    assert [n for _, n in found] == [70] * 3
    assert torch.equal(torch.cat([rows for rows, _ in found]), whole)


def test_as_it_is(tmp_path: Path) -> None:
    phi = drawn(70, 1e-30)
    write_phi(tmp_path / "phi", phi, "float32")
    assert torch.equal(read_phi(tmp_path / "phi", CPU), phi)


@pytest.mark.parametrize("scale", [1e-25, 3e-7, 1.0, 70_000.0, 1e30])
def test_half_precision_is_as_near_as_it_says(tmp_path: Path, scale: float) -> None:
    phi = drawn(300, scale)
    write_phi(tmp_path / "phi", phi, "float16")
    assert (tmp_path / "phi").stat().st_size < 2 * 300 * 300 + 1000
    kept, exact = read_phi(tmp_path / "phi", CPU).double(), phi.double()
    least = HALF_LEAST * exact.abs().max()
    allowed = HALF_ERROR * exact.abs().clamp_min(least)
    assert bool(((kept - exact).abs() <= allowed).all())
    # The bounds are no wider than they need be.
    assert bool(((kept - exact).abs() > allowed / 2).any())
    assert bool((kept[(exact != 0) & (exact.abs() > least)] != 0).all())
    assert bool((kept.diagonal() == 0).all())


def test_nothing_but_zeros_in_half_precision(tmp_path: Path) -> None:
    write_phi(tmp_path / "phi", torch.zeros(3, 3), "float16")
    assert torch.equal(read_phi(tmp_path / "phi", CPU), torch.zeros(3, 3))


def test_it_is_the_mapped_file(tmp_path: Path) -> None:
    """A layer of 16,384 neurons takes a gigabyte: of a mapped one, memory holds what was looked at."""
    path = tmp_path / "mapped-phi"
    write_phi(path, drawn(512, 1.0), "float32")
    phi = read_phi(path, CPU)
    places = [line for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith(str(path))]
    spans = [[int(end, 16) for end in line.split()[0].split("-")] for line in places]
    assert any(first <= phi.data_ptr() < last for first, last in spans)
