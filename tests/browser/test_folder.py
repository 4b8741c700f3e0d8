"""``hedonic-graph browser DIR``: what it writes, and what it leaves alone."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hedonic_graph.browser import folder
from hedonic_graph.browser.favourites import DRAWINGS, SET_PARAMETERS, TABLES, archive
from hedonic_graph.browser.style import grass
from hedonic_graph.cli import main

FILES = ("hedonic-graph.grass", "hedonic-graph.zip", "hedonic-graph.txt")


def command(path: Path) -> Result:
    return CliRunner().invoke(main, ["browser", str(path)])


def held(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_it_writes_style_queries_and_what_to_do(tmp_path: Path) -> None:
    done = command(tmp_path / "new" / "folder")
    assert done.exit_code == 0
    place = tmp_path / "new" / "folder"
    found = held(place)
    assert set(found) == set(FILES)
    assert found["hedonic-graph.grass"].decode() == grass()
    assert found["hedonic-graph.zip"] == archive()
    steps = found["hedonic-graph.txt"].decode()
    assert done.output == "".join(f"{place / name}\n" for name in FILES) + f"\n{steps}"
    for named in (SET_PARAMETERS, DRAWINGS, TABLES, "hedonic-graph.grass", "hedonic-graph.zip"):
        assert named in steps


def test_it_overwrites_its_own_files_and_no_others(tmp_path: Path) -> None:
    for name in ("style.grass", "README.txt", "hedonic-graph.zip"):
        (tmp_path / name).write_text("mine")
    assert command(tmp_path).exit_code == 0
    assert set(held(tmp_path)) == {*FILES, "style.grass", "README.txt"}
    assert (tmp_path / "style.grass").read_text() == (tmp_path / "README.txt").read_text() == "mine"
    assert (tmp_path / "hedonic-graph.zip").read_bytes() == archive()


def refused(path: Path) -> str:
    done = command(path)
    assert done.exit_code == 2
    (line,) = done.output.splitlines()
    return line


def test_a_file_in_place_of_the_folder_or_of_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    assert refused(file) == f"Error: {file} is a file: name a folder"
    assert refused(file / "below").startswith(f"Error: cannot write to {file / 'below'}: Not a directory")
    inside = tmp_path / "taken" / "hedonic-graph.zip"
    inside.mkdir(parents=True)
    assert refused(inside.parent) == f"Error: {inside} is a folder: name another place"
    assert held(tmp_path / "taken" / "hedonic-graph.zip") == {}
    assert [path.name for path in inside.parent.iterdir()] == ["hedonic-graph.zip"]


def test_a_place_where_nothing_can_be_written_is_named() -> None:
    assert refused(Path("/proc/hedonic")) == "Error: cannot write to /proc/hedonic: No such file or directory"


def test_a_disk_that_fills_up_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hedonic-graph.grass").write_text("older")
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name.startswith(f".{folder.README}"):
            raise OSError(28, "No space left on device", str(path))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert refused(tmp_path) == f"Error: cannot write to {tmp_path}: No space left on device"
    assert held(tmp_path) == {"hedonic-graph.grass": b"older"}
