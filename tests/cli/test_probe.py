"""``hedonic-graph probe`` as a user meets it."""

import csv
import json
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hedonic_graph.cli import main


def call(options: dict[str, str], *more: str) -> Result:
    return CliRunner().invoke(main, ["probe", *(part for item in options.items() for part in item), *more])


@pytest.fixture
def options(
    tiny_base: Path, tiny_adapter: Path, tiny_text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """In an empty directory."""
    monkeypatch.chdir(tmp_path)
    return {"--model": str(tiny_base), "--adapter": str(tiny_adapter), "--text": str(tiny_text), "-o": "out"}


def test_the_whole_road_in_an_empty_directory(options: dict[str, str]) -> None:
    done = call(options)
    assert done.exit_code == 0, done.output
    assert [one.name for one in Path().iterdir()] == ["out"]
    tables = {}
    for name in ("base", "tuned"):
        with Path("out", f"{name}.csv").open() as file:
            tables[name] = list(csv.DictReader(file))
    assert [int(row["layer"]) for row in tables["base"]] == [0, 1, 2, 3]
    assert len(tables["base"][0]) == 1 + 25
    assert Path("out/figure.png").read_bytes().startswith(b"\x89PNG")
    assert "</svg>" in Path("out/figure.svg").read_text()
    header, _, *rows, _, words, _ = done.stdout.splitlines()
    assert header.split() == ["feature", "base", "R^2", "at", "layer", "tuned", "R^2", "at", "layer"]
    assert len(rows) == 25
    length = next(row for row in rows if row.startswith("stream length")).split()
    best = max(tables["tuned"], key=lambda row: float(row["stream length"]))
    assert length[-1] == best["layer"]
    assert float(length[-2]) == pytest.approx(float(best["stream length"]), abs=0.006)
    queries = {json.loads(line)["query"] for line in Path(options["--text"]).read_text().splitlines()}
    assert f"24 pairs of {len(queries)} queries in 5 folds" in words
    again = call(options)
    assert "out is up to date: nothing to do" in again.stderr
    assert again.stdout == done.stdout
    assert set(json.loads(call(options, "--json").stdout)) == {"base", "tuned"}


def test_without_matplotlib_the_tables_are_there(options: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        for name in ("matplotlib", "matplotlib.figure"):
            patch.setitem(sys.modules, name, None)
        done = call(options, "--layers", "1", "--feature", "BM25")
    assert done.exit_code == 0, done.output
    (line,) = [line for line in done.stderr.splitlines() if "matplotlib" in line]
    assert line == 'no figure: drawing needs matplotlib: pip install "hedonic-graph[plots]"'
    assert not list(Path("out").glob("figure.*"))
    assert sorted(one.name for one in Path("out").glob("*.csv")) == ["base.csv", "tuned.csv"]
    assert "1 pieces computed" in call(options, "--layers", "1", "--feature", "BM25").stderr
    assert Path("out/figure.png").exists()


def test_cut_prompts_are_told(options: dict[str, str]) -> None:
    done = call(options, "--layers", "0", "--max-tokens", "12")
    assert "prompts have more than 12 tokens and were read without their end" in done.stdout


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"--layers": "2-9"}, "tiny has no layer 4: its layers are 0-3"),
        ({"--folds": "25"}, "25 folds need as many queries; there are 2"),
        ({"--folds": "1"}, "folds must be at least 2, not 1"),
        ({"--seed": "-1"}, "seed must be at least 0"),
        ({"--feature": "PageRank"}, "no feature is called 'PageRank'; there are: covered query term number,"),
        ({"--text": "nowhere.jsonl"}, "no text at nowhere.jsonl"),
        ({"--text": "latin.jsonl"}, "latin.jsonl, line 1: cannot be read as UTF-8 text"),
        ({"--adapter": "nowhere/at/all"}, "no adapter at nowhere/at/all"),
        ({"-o": "taken"}, "taken holds other files"),
        ({"-o": "latin.jsonl"}, "latin.jsonl is a file"),
        ({"--device": "tpu9"}, "device 'tpu9' cannot be used"),
        ({"--prompt": "{text}"}, "must hold {query}"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_leave_nothing(options: dict[str, str], change: dict[str, str], says: str) -> None:
    Path("latin.jsonl").write_bytes('{"query": "caf\xe9", "passage": "a"}\n'.encode("latin-1"))
    Path("taken").mkdir()
    Path("taken/notes.txt").write_text("mine")
    before = sorted(Path().rglob("*"))
    done = call(options | change)
    assert done.exit_code == 2, done.output
    assert says in done.stderr.splitlines()[-1]
    assert [line for line in done.stderr.splitlines() if line.startswith("Error: ")] == done.stderr.splitlines()[-1:]
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize("name", ["--model", "--text"])
def test_what_is_missing_is_named(options: dict[str, str], name: str) -> None:
    del options[name]
    assert f"missing {name}" in call(options).stderr


def test_another_commands_folder(options: dict[str, str]) -> None:
    assert call(options, "--layers", "1", "--feature", "IDF").exit_code == 0
    analyze = ["analyze", *(part for item in options.items() for part in item), "--layers", "1"]
    other = CliRunner().invoke(main, analyze)
    assert (other.exit_code, "out was made by `hedonic-graph probe`" in other.stderr) == (2, True)
    loaded = CliRunner().invoke(main, ["ingest", "out", "--store", "graph"])
    assert (loaded.exit_code, "out holds no runs: it was made by `hedonic-graph probe`" in loaded.stderr) == (2, True)
    shutil.rmtree("out")
