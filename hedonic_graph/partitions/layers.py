"""Which layer each file of partitions is for."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hedonic_graph.errors import UserError
from hedonic_graph.game.partition import Partition
from hedonic_graph.partitions.readers import Coalitions, read

_IN_NAME = re.compile(r"(?<![a-z0-9])(?:layer[ ._-]?|l)(\d{1,4})(?![a-z0-9])", re.IGNORECASE | re.ASCII)


def gather(files: Sequence[Path], layers: Sequence[int] | None = None) -> tuple[dict[int, Coalitions], list[str]]:
    """Read files and say which layer each of their partitions is of: by layer, ascending.

    A file's own word counts first, then ``layers``, one for each of the other files in their order, then a layer
    in the file's name (``L07.pkl``, ``layer_7.json``) where there is exactly one. Also returns a line for each
    layer taken from a name. Raises UserError where a layer is not known, is given twice, or ``layers`` and a name
    disagree.
    """
    found = [part for file in files for part in read(file)]
    unplaced = [part.file for part in found if part.layer is None]
    if layers is not None and len(layers) != len(unplaced):
        raise UserError(
            f"--layers names {len(layers)} for {len(unplaced)} files that do not say their layer: give one for each"
        )
    given = iter(layers or ())
    placed: dict[int, Coalitions] = {}
    said = []
    for part in found:
        layer = part.layer
        if layer is None:
            named = layer_in_name(part.file)
            layer = named if layers is None else next(given)
            if layer is None:
                raise UserError(
                    f"{part.file}: of which layer? Give --layers, one for each file, or call it L07{part.file.suffix}"
                )
            if named not in (None, layer):
                raise UserError(
                    f"{part.file}: its name says layer {named}, --layers says {layer} (they go by the files' order)"
                )
            if layers is None:
                said.append(f"{part.file}: layer {layer}, by its name")
        if layer in placed:
            raise UserError(f"{part.file} and {placed[layer].file} are both of layer {layer}")
        placed[layer] = replace(part, layer=layer)
    return dict(sorted(placed.items())), said


def layer_in_name(file: Path) -> int | None:
    """The layer that a file's name tells, as in ``L07.pkl`` or ``seed3-layer_7.json``; None unless just one."""
    layers = {int(digits) for digits in _IN_NAME.findall(file.stem)}
    return layers.pop() if len(layers) == 1 else None


def partition(coalitions: Coalitions, neurons: int) -> Partition:
    """Check that coalitions are disjoint and cover ``neurons``; raises UserError that names the first offender."""
    names = [name[:60] if name.isprintable() else repr(name[:60]) for name in coalitions.members]
    try:
        return Partition.from_coalitions(coalitions.members.values(), neurons, names)
    except UserError as error:
        raise UserError(f"{coalitions.where}: {error}") from error
