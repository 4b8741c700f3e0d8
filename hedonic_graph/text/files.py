"""Text files, plain or gzipped."""

import gzip
from pathlib import Path
from typing import IO


def open_text(path: Path) -> IO[str]:
    """Open a UTF-8 text file, gzipped where its name ends in ``.gz``."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")
