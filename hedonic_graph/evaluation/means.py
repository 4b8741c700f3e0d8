"""A coalition as one number per example: the mean activation of its members."""

import numpy as np
from scipy.sparse import csr_array

from hedonic_graph.errors import UserError
from hedonic_graph.game.checks import check_partition
from hedonic_graph.game.partition import Partition


def coalition_means(activations: np.ndarray, partition: Partition) -> np.ndarray:
    """Return the mean activation of each coalition's members, float64 [B, C], from ``activations`` [B, n].

    Coalitions stand in the partition's order, the largest first. Raises UserError where the partition is of other
    than n neurons, or an activation is not finite.
    """
    check_partition(partition, activations.shape[1])
    if not np.isfinite(activations).all():
        raise UserError("the activations hold values that are not finite (NaN or infinite)")
    shares = (1 / partition.sizes)[partition.labels]
    members = csr_array((shares, (partition.labels, np.arange(partition.n))), (len(partition), partition.n))
    return (members @ activations.T.astype(np.float64)).T
