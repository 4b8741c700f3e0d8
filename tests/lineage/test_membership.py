import numpy as np
import pytest
import torch

from hedonic_graph.errors import UserError
from hedonic_graph.game.partition import Partition
from hedonic_graph.lineage.membership import Membership, kept_labels

LABELS = np.array([1, 0, -1, 1, 2, -1, 1])
VALUES = torch.arange(14.0).reshape(7, 2)
# Rows 1; 0, 3 and 6; 4.
SUMS = torch.tensor([[2.0, 3.0], [18.0, 21.0], [8.0, 9.0]])


def test_labels_read_from_a_file_may_be_read_only() -> None:
    labels = LABELS.copy()
    labels.setflags(write=False)
    assert torch.equal(Membership(labels).sums(VALUES), SUMS)
    assert torch.equal(Membership(torch.from_numpy(LABELS)).sums(VALUES), SUMS)


def test_sums_add_the_rows_of_each_coalition_and_leave_out_minus_one() -> None:
    assert torch.equal(Membership(LABELS).sums(VALUES), SUMS)


def test_the_product_used_on_a_gpu_gives_the_same_sums() -> None:
    assert torch.equal(Membership(LABELS)._sums_by_product(VALUES), SUMS)


def test_sizes_count_members_and_n_counts_everybody() -> None:
    membership = Membership(LABELS)
    assert membership.sizes.tolist() == [1.0, 3.0, 1.0]
    assert (membership.n, membership.count) == (7, 3)


def test_a_label_nobody_has_is_an_empty_coalition() -> None:
    membership = Membership(np.array([2, 0, -1, 2, 0, -1, 2]))
    assert membership.sizes.tolist() == [2.0, 0.0, 3.0]
    assert membership.sums(VALUES)[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("neurons", [0, 4])
def test_everybody_left_out_is_no_coalition(neurons: int) -> None:
    membership = Membership(np.full(neurons, -1))
    assert membership.count == len(membership.sizes) == 0
    assert membership.sums(torch.ones(neurons, 3)).shape == (0, 3)


def test_labels_below_minus_one_are_refused() -> None:
    with pytest.raises(UserError, match=r"below -1.*got -2"):
        Membership(np.array([0, -2]))


def test_labels_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(UserError, match="vector"):
        Membership(np.zeros((2, 2), dtype=int))


def test_kept_labels_drops_small_coalitions_and_keeps_ids() -> None:
    partition = Partition.from_coalitions([[0, 3, 5], [1, 4], [2], [6]], 7)
    assert kept_labels(partition, 2).tolist() == [0, 1, -1, 0, 1, 0, -1]
    assert kept_labels(partition, 3).tolist() == [0, -1, -1, 0, -1, 0, -1]
    assert kept_labels(partition, 1).tolist() == partition.labels.tolist()


def test_kept_labels_of_the_largest() -> None:
    partition = Partition.from_coalitions([[0, 3, 5], [1, 4], [2, 7], [6]], 8)
    assert kept_labels(partition, 2, 2).tolist() == [0, 1, -1, 0, 1, 0, -1, -1]
    assert kept_labels(partition, 3, 2).tolist() == [0, -1, -1, 0, -1, 0, -1, -1]
    assert kept_labels(partition, 2, 9).tolist() == kept_labels(partition, 2).tolist()
