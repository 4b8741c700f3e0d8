import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedonic_graph.errors import UserError
from hedonic_graph.game.partition import Partition


def test_numbering_is_by_size_then_smallest_member():
    partition = Partition.from_coalitions([[4], [3, 0], [5, 1, 6], [2, 7]], 8)
    assert [c.tolist() for c in partition.coalitions()] == [[1, 5, 6], [0, 3], [2, 7], [4]]
    assert partition.labels.tolist() == [1, 0, 2, 1, 3, 0, 0, 2]
    assert partition.sizes.tolist() == [3, 2, 2, 1]
    assert len(partition) == 4


@given(st.lists(st.integers(-3, 9), min_size=1, max_size=40))
def test_labels_and_member_lists_say_the_same(labels):
    partition = Partition.from_labels(np.array(labels))
    coalitions = partition.coalitions()
    assert sorted(np.concatenate(coalitions).tolist()) == list(range(len(labels)))
    assert all(len({labels[i] for i in c}) == 1 for c in coalitions)
    assert len(coalitions) == len(set(labels)) == len(partition)
    shuffled = [c[::-1].tolist() for c in reversed(coalitions)]
    assert (Partition.from_coalitions(shuffled, len(labels)).labels == partition.labels).all()


def test_a_partition_of_nothing_has_no_coalitions():
    empty = Partition.from_labels(np.array([], dtype=int))
    assert len(empty) == 0
    assert empty.coalitions() == []


@pytest.mark.parametrize(
    ("coalitions", "message"),
    [
        ([[0, 1]], "neuron 2 is in no coalition$"),
        ([[2]], "neuron 0 is in no coalition, the first of 2$"),
        ([], "neuron 0 is in no coalition, the first of 3$"),
        ([[0, 1], [1, 2]], "neuron 1 is in coalitions 0 and 1$"),
        ([[2, 0], [1, 0, 2]], "neuron 0 is in coalitions 0 and 1$"),
        ([[0, 1, 1], [2]], "neuron 1 is in coalition 0 twice$"),
        ([[0, 1], [2, 3]], "coalition 1 holds neuron 3: neurons are 0 to 2$"),
        ([[0, -1], [2, 1]], "coalition 0 holds neuron -1: neurons are 0 to 2$"),
        ([[0, 1, 2], []], "coalition 1 is empty$"),
    ],
)
def test_coalitions_that_do_not_partition_are_refused(coalitions, message):
    with pytest.raises(UserError, match=message):
        Partition.from_coalitions(coalitions, 3)
