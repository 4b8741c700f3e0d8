"""Text files, plain or gzipped."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from hedonic_graph.errors import UserError


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a UTF-8 text file with their numbers from 1, without their ends.

    The file is gzipped where its name ends in ``.gz``; a byte order mark is no part of the text. UserError for a
    missing file, another encoding (UTF-16, Latin-1) or damaged compression.
    """
    if not path.is_file():
        raise UserError(f"missing file {path}")
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, line {number}: cannot be read as UTF-8 text: {error}") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be unpacked: {error}") from error
