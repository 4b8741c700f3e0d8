"""The residual stream of every token between two layers, kept on disk: one file, rewritten layer by layer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

PREFIX = ".capture."
"""Every file's name begins so."""


class Stream:
    """Rows [d] of float32, one for each non-padding token, in the order of the batches.

    ``key`` is part of the files' names: a stream of other inputs is never taken for this one.
    """

    def __init__(self, folder: Path, key: str, tokens: int, d: int) -> None:
        self._folder, self._key, self._tokens, self._d = folder, key[:16], tokens, d

    def latest(self, layers: int) -> int | None:
        """The highest of the first ``layers`` layers whose entering stream is here, whole; else None."""
        return next((layer for layer in range(layers - 1, -1, -1) if self._whole(self._path(layer))), None)

    @contextmanager
    def entering(self, layer: int) -> Iterator[Callable[[int], Tensor]]:
        """Give the function that reads the next so many rows."""
        with self._path(layer).open("rb") as file:
            yield lambda rows: torch.from_numpy(np.fromfile(file, np.float32, rows * self._d).reshape(rows, self._d))

    @contextmanager
    def leaving_to(self, layer: int) -> Iterator[Callable[[Tensor], None]]:
        """Give the function that writes the next rows; at the end the file takes the place of the one below."""
        temporary = self._path(layer).with_suffix(".tmp")
        with temporary.open("wb") as file:
            yield lambda rows: rows.cpu().numpy().tofile(file)
        temporary.replace(self._path(layer))
        self._path(layer - 1).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove every stream in the folder."""
        for path in self._folder.glob(f"{PREFIX}*"):
            path.unlink()

    def _path(self, layer: int) -> Path:
        return self._folder / f"{PREFIX}{self._key}.L{layer:02d}"

    def _whole(self, path: Path) -> bool:
        return path.is_file() and path.stat().st_size == self._tokens * self._d * 4
