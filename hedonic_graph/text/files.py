"""Text files, plain or gzipped."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hedonic_graph.errors import UserError


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a UTF-8 text file with their numbers from 1, without their ends.

    The file is gzipped where its name ends in ``.gz``; a byte order mark is no part of the text. UserError for a
    missing file, another encoding (UTF-16 with a byte order mark or without, Latin-1) or damaged compression.
    """
    if not path.is_file():
        raise UserError(f"missing file {path}")
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if b"\0" in line:
                    raise UserError(
                        f"{path}, line {number}: cannot be read as UTF-8 text: it holds zero bytes (UTF-16?)"
                    )
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, line {number}: cannot be read as UTF-8 text: {error}") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be unpacked: {error}") from error


def read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield what stands in each line of a JSON-lines file, with its number; blank lines are left out.

    UserError for a line that is not JSON or holds half a character, and where :func:`read_lines` raises it.
    """
    for number, line in read_lines(path):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}, line {number}: not JSON ({getattr(error, 'msg', error)})") from error
        # JSON can escape what no text holds: half of a pair of surrogates.
        if "\\u" in line and not _is_text(json.dumps(record, ensure_ascii=False)):
            raise UserError(f"{path}, line {number}: holds half a character (an escaped surrogate without the other)")
        yield number, record


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
