"""The folder that ``hedonic-graph browser`` writes."""

from pathlib import Path

from hedonic_graph.browser.favourites import DRAWINGS, SET_PARAMETERS, TABLES, archive
from hedonic_graph.browser.style import grass
from hedonic_graph.errors import UserError

# None of these is a name that Browser's own exports have.
STYLE, QUERIES, README = "hedonic-graph.grass", "hedonic-graph.zip", "hedonic-graph.txt"

STEPS = f"""\
In Neo4j Browser (http://localhost:7474/browser/ where Neo4j runs on this machine), logged in:
1. Drag {STYLE} onto the page, and after it {QUERIES}.
2. Click the star on the left, and run "{SET_PARAMETERS}".
3. Run any query of the folders "{DRAWINGS}" and "{TABLES}" there.
Another run or coalition: type  :param coalition => 'demo/pas.exact/L11/C0003'  and run the query again.
Browser adds and never replaces: before you drop a newer {QUERIES}, delete there what an older one brought.
"""


def write(folder: Path) -> list[Path]:
    """Write style, queries and what to do with them into ``folder``, all of them or none; return the files.

    Raises UserError where that cannot be. Other files that lie there stay.
    """
    contents = {STYLE: grass().encode(), QUERIES: archive(), README: STEPS.encode()}
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: name a folder")
    for name in contents:
        if (folder / name).is_dir():
            raise UserError(f"{folder / name} is a folder: name another place")
    parts = {folder / f".{name}.part": folder / name for name in contents}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for part, content in zip(parts, contents.values(), strict=True):
                part.write_bytes(content)
            for part, file in parts.items():
                part.replace(file)
        finally:
            for part in parts:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from error
    return list(parts.values())
