"""A user's mistakes: one line, exit code 2, and the folder as it was."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from hedonic_graph.cli import main

Change = Callable[[Path, Path], list[str]]
"""From the analysis's folder and a place for files to what is given besides."""


def configured(folder: Path, **values: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["config"] |= values
    (folder / "manifest.json").write_text(json.dumps(manifest))


def marked(folder: Path, **values: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | values))


def written(place: Path, text: str | bytes) -> str:
    path = place / "given.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def unfinished(folder: Path, _: Path) -> list[str]:
    marked(folder, complete=False)
    return []


def without_task(folder: Path, _: Path) -> list[str]:
    configured(folder, task=None)
    return ["--what", "drop"]


def strange_task(folder: Path, place: Path) -> list[str]:
    configured(folder, task="NER")
    return ["--train-text", written(place, '{"qid": 1, "query": "a", "positive": "b"}\n')]


def unjudged(_: Path, place: Path) -> list[str]:
    return ["--what", "drop", "--task", "rm", "--qrels", written(place, "q77 0 d1 2\n")]


def out_of_range(_: Path, place: Path) -> list[str]:
    return ["--what", "drop", "--task", "rm", "--qrels", written(place, "q1 0 d4 42\n")]


def judgements_of_a_file(folder: Path, place: Path) -> list[str]:
    configured(folder, text=written(place, '{"query": "a", "passage": "b"}\n'))
    return ["--what", "drop", "--task", "rm"]


def training(text: str | bytes) -> Change:
    return lambda _, place: ["--train-text", written(place, text)]


def other_model(folder: Path, place: Path) -> list[str]:
    manifest = json.loads((folder / "manifest.json").read_text())
    marked(folder, model=manifest["model"] | {"fingerprint": "0" * 64})
    return []


def moved_model(folder: Path, _: Path) -> list[str]:
    configured(folder, model="./moved")
    return []


def additive(folder: Path, _: Path) -> list[str]:
    configured(folder, readout_norm="off")
    return ["--what", "synergy"]


def given(*arguments: str) -> Change:
    return lambda *_: list(arguments)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (unfinished, "is not finished: run the analyze command again"),
        (without_task, "no task is known of this analysis"),
        (strange_task, "no task is known of this analysis"),
        (unjudged, "none of the 28 pairs of the analysis is judged"),
        (out_of_range, "grade 42 is outside 0 to 10"),
        (judgements_of_a_file, "holds pairs without judgements"),
        (training('{"qid": 1, "query": "a"}\n'), "line 1: expected an object with qid"),
        (training('{"qid": 1, "query": "a", "positive": " "}\n'), "line 1: empty query or positive"),
        (training("nonsense\n"), "line 1: not JSON"),
        (training("\n"), "holds no pairs of a query and its positive"),
        (training('{"qid": 1, "query": "a", "positive": "b"}\n'), "too few to draw"),
        (training('{"qid": 1, "query": "ü", "positive": "b"}\n'.encode("latin-1")), "cannot be read as UTF-8"),
        (given("--train-text", "nowhere.jsonl"), "missing file nowhere.jsonl"),
        (given("--what", "predictivity"), "give its text with --train-text"),
        (given("--run", "pas.ward"), "has no run pas.ward; it has pas.exact"),
        (given("--layers", "1,7"), "layer 7 was not analysed; layers 1-2 were"),
        (given("--layers", "one"), "write 7-14 or 7,8,9"),
        (given("--per-class", "0"), "per-class must be at least 1"),
        (given("--min-size", "1"), "min-size must be at least 2"),
        (given("--device", "tpu9"), "device 'tpu9' cannot be used"),
        (other_model, "its files have changed; run the analyze command again"),
        (moved_model, "no model at ./moved"),
        (additive, "every pairwise interaction is exactly zero"),
    ],
)
def test_mistakes(copy: Path, tmp_path: Path, change: Change, says: str) -> None:
    arguments = change(copy, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*") if path.name != ".lock"}
    outcome = CliRunner().invoke(main, ["evaluate", str(copy), *arguments])
    assert outcome.exit_code == 2, outcome.output
    lines = [line for line in outcome.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1 and says in lines[0]
    assert "Traceback" not in outcome.output
    assert before == {path: path.stat().st_mtime_ns for path in copy.rglob("*") if path.name != ".lock"}


def test_no_analysis(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(main, ["evaluate", str(tmp_path / "nowhere")])
    assert (outcome.exit_code, "no such folder" in outcome.stderr) == (2, True)
    assert not (tmp_path / "nowhere").exists()


def test_imported_partitions(tmp_path: Path) -> None:
    (tmp_path / "L01.json").write_text("[[0, 1], [2, 3]]")
    arguments = ["import", str(tmp_path / "L01.json"), "--neurons", "4", "-o", str(tmp_path / "imported")]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    outcome = CliRunner().invoke(main, ["evaluate", str(tmp_path / "imported")])
    assert (outcome.exit_code, "holds imported partitions" in outcome.stderr) == (2, True)


def test_queries_that_cannot_change_places(copy: Path) -> None:
    pairs = [json.loads(line) for line in (copy / "text/pairs.jsonl").read_text().splitlines()]
    for pair in pairs:
        pair["qid"] = "one"
    from hedonic_graph.analysis import Analysis

    with Analysis.writing(copy) as analysis:
        text = "".join(json.dumps(pair) + "\n" for pair in pairs)
        analysis.commit("text/pairs", "other", lambda path: path.with_suffix(".jsonl").write_text(text))
    outcome = CliRunner().invoke(main, ["evaluate", str(copy)])
    assert (outcome.exit_code, "no two queries have equally many passages" in outcome.stderr) == (2, True)
