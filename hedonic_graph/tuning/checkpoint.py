"""Where a training stands, in one file that is replaced as a whole (DESIGN §5): killed at any moment, the file is
the old one or the new one."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hedonic_graph.errors import UserError

NAME = "checkpoint.safetensors"
_MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass
class Progress:
    """How far a training has come."""

    step: int = 0
    """Steps done."""
    best: float | None = None
    """Smallest loss on the held-out queries so far."""
    best_step: int = 0
    stale: int = 0
    """Evaluations since then."""
    seconds: float = 0.0
    """Time spent, over all runs of the command."""


@dataclass(frozen=True)
class Checkpoint:
    """Everything a training needs to go on as if it had never stopped."""

    progress: Progress
    weights: dict[str, Tensor]
    best: dict[str, Tensor]
    """The weights of the best evaluation; empty before the first."""
    moments: dict[str, Tensor]
    """AdamW's, as :func:`moments_of` gives them."""


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Replace the folder's checkpoint."""
    groups = {"weights": checkpoint.weights, "best": checkpoint.best, "moments": checkpoint.moments}
    tensors = {f"{group}/{name}": one.contiguous() for group, found in groups.items() for name, one in found.items()}
    temporary = folder / f".{NAME}.partial"
    save_file(tensors, temporary, metadata={"progress": json.dumps(asdict(checkpoint.progress))})
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    temporary.replace(folder / NAME)


def read(folder: Path, expected: dict[str, Tensor]) -> Checkpoint | None:
    """The folder's checkpoint, None where there is none.

    Raises UserError where it is damaged, or is not of a model that trains what ``expected`` holds.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            progress = Progress(**json.loads(file.metadata()["progress"]))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged: delete {folder} and begin again") from error
    groups: dict[str, dict[str, Tensor]] = {"weights": {}, "best": {}, "moments": {}}
    for name, one in tensors.items():
        group, _, rest = name.partition("/")
        groups.get(group, {})[rest] = one
    shapes = {name: one.shape for name, one in groups["weights"].items()}
    if shapes != {name: one.shape for name, one in expected.items()}:
        raise UserError(f"{path} is of another model: delete {folder} and begin again")
    return Checkpoint(progress, **groups)


def moments_of(optimiser: Any, names: dict[int, str]) -> dict[str, Tensor]:
    """AdamW's moments and step counts, by the ``names`` of parameters (by their ``id``)."""
    found: dict[str, Tensor] = {}
    for parameter, state in optimiser.state.items():
        name = names[id(parameter)]
        found |= {f"{kind}:{name}": state[kind].detach().cpu().clone() for kind in (*_MOMENTS, "step")}
    return found


def restore_moments(optimiser: Any, names: dict[int, str], moments: dict[str, Tensor]) -> None:
    """Give an optimiser the moments that :func:`moments_of` took from another."""
    if not moments:
        return
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            name = names[id(parameter)]
            state = {kind: moments[f"{kind}:{name}"].to(parameter.device) for kind in _MOMENTS}
            optimiser.state[parameter] = {"step": moments[f"step:{name}"].clone(), **state}
