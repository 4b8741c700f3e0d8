"""The log of a training as a table: ``log.csv``, one row a step, written as it goes."""

import csv
from pathlib import Path
from typing import IO, Any

NAME = "log.csv"
COLUMNS = (
    *("step", "epoch", "loss", "gradient", "rate", "tokens", "seconds"),
    *("held_out_loss", "held_out", "text_loss", "text"),
)
"""``gradient`` is its norm before clipping; ``held_out`` and ``text`` are R^2 or nDCG@10, at evaluations only."""


class Log:
    """Appends rows; opened at a step, it forgets what an interrupted run wrote after that."""

    def __init__(self, folder: Path, step: int) -> None:
        path = folder / NAME
        kept: list[dict[str, str]] = []
        if step and path.is_file():
            with path.open(newline="", encoding="utf-8") as lines:
                kept = [row for row in csv.DictReader(lines) if (row["step"] or "").isdigit()]
            kept = [row for row in kept if int(row["step"]) <= step]
        self._file: IO[str] = path.open("w", newline="", encoding="utf-8")
        self._writer = csv.DictWriter(self._file, COLUMNS, extrasaction="ignore")
        self._writer.writeheader()
        self._writer.writerows(kept)
        self._file.flush()

    def add(self, **row: Any) -> None:
        """Write a row; numbers keep seven digits."""
        self._writer.writerow({k: f"{v:.7g}" if isinstance(v, float) else v for k, v in row.items()})
        self._file.flush()

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
