"""What the two Top-Cover solvers share: the players left, the coalitions put out, the record of rounds."""

from dataclasses import dataclass
from time import perf_counter

import numpy as np
import pandas as pd
import torch

from hedonic_graph.game.partition import Partition
from hedonic_graph.progress import Progress


@dataclass(frozen=True, eq=False)
class TopCover:
    """A partition and how it came about.

    ``rounds`` has one row per round: ``round`` (from 1), ``residual`` (players left at its start), ``taken``
    (sampled sets it looked at, all inside the residual set), ``sampled`` (sets newly drawn; the reservoir's
    first filling counts to round 1), ``unsampled`` (players in none of the sets taken: valid singletons
    whatever phi says), ``components`` (strongly connected), ``emitted`` (coalitions),
    ``emitted_neurons`` and ``seconds``. Exact Top-Cover samples nothing: its ``taken``, ``sampled`` and
    ``unsampled`` are 0.
    """

    partition: Partition
    rounds: pd.DataFrame


class Residual:
    """The players left and the coalitions put out so far.

    ``alive`` is bool [n] and ``players`` int64 [r], ascending, both on the valuation's device.
    """

    def __init__(self, n: int, device: torch.device, progress: Progress | None = None) -> None:
        self.alive = torch.ones(n, dtype=torch.bool, device=device)
        self.players = torch.arange(n, device=device)
        self._labels = np.full(n, -1, dtype=np.int64)
        self._coalitions = 0
        self._rounds: list[dict[str, int | float]] = []
        self._progress = progress
        self._clock = perf_counter()

    def __len__(self) -> int:
        return len(self.players)

    def put_out(
        self, label: np.ndarray, leaves: np.ndarray, *, taken: int = 0, sampled: int = 0, unsampled: int = 0
    ) -> None:
        """End a round: components marked in ``leaves`` (bool [c]) become coalitions and leave the game.

        ``label`` is int64 [r], the component of each player left.
        """
        going = leaves[label]
        players = self.players.cpu().numpy()
        self._labels[players[going]] = label[going] + self._coalitions
        self._coalitions += len(leaves)
        going_here = torch.as_tensor(going, device=self.players.device)
        self.alive[self.players[going_here]] = False
        self.players = self.players[~going_here]
        now = perf_counter()
        number, neurons = len(self._rounds) + 1, int(going.sum())
        self._rounds.append(
            {
                "round": number,
                "residual": len(players),
                "taken": taken,
                "sampled": sampled,
                "unsampled": unsampled,
                "components": len(leaves),
                "emitted": int(leaves.sum()),
                "emitted_neurons": neurons,
                "seconds": now - self._clock,
            }
        )
        self._clock = now
        if self._progress is not None:
            self._progress.update(neurons)
            self._progress.set_postfix_str(f"round {number}, {len(self)} neurons left")

    def result(self) -> TopCover:
        """Return the partition; every player must have left."""
        return TopCover(Partition.from_labels(self._labels), pd.DataFrame(self._rounds))
