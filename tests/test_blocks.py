"""Blocks that shrink where a device runs out of memory, and the mirror."""

import pytest
import torch

from hedonic_graph.blocks import SMALLEST, mirrored, shrinking, upper
from hedonic_graph.errors import UserError


def test_half_as_many_rows_until_they_fit() -> None:
    tried = []

    @shrinking
    def work(label: str, *, block_size: int = 1000) -> str:
        tried.append(block_size)
        if block_size > 300:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return f"{label} in {block_size}"

    assert work("done") == "done in 250"
    assert tried == [1000, 500, 250]
    assert work("done", block_size=80) == "done in 80"


def test_a_device_that_is_full_ends_in_one_line() -> None:
    @shrinking
    def work(*, block_size: int = 1000) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(UserError, match=f"too little memory, even for blocks of {1000 // 16} rows.*--device cpu"):
        work()
    assert SMALLEST >= 1000 // 16


def test_other_errors_pass() -> None:
    @shrinking
    def work(*, block_size: int = 1000) -> None:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        work()


@pytest.mark.parametrize("n", [1, 511, 512, 513, 1500])
def test_mirrored(n: int) -> None:
    matrix = torch.randn(n, n, generator=torch.Generator().manual_seed(0))
    expected = matrix.triu() + matrix.triu(1).T
    assert mirrored(matrix) is matrix
    assert torch.equal(matrix, expected)


@pytest.mark.parametrize(("n", "block_size"), [(1, 4), (4, 4), (23, 4), (40, 7)])
def test_tiles_cover_the_upper_half_once(n: int, block_size: int) -> None:
    seen = torch.zeros(n, n)
    for rows, columns in upper(n, block_size):
        assert rows.stop - rows.start <= block_size
        assert columns.stop - columns.start <= 4 * block_size
        seen[rows, columns] += 1
    assert bool((seen.triu() == torch.ones(n, n).triu()).all())
    assert seen.max() == 1
