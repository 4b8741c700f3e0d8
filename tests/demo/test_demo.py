"""The demo's text and adapter, and its road on the real model, shortened."""

import json
import statistics
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from real import LAYERS, RUN, command, predicted

from hedonic_graph.cli import main
from hedonic_graph.demo import ADAPTER, text
from hedonic_graph.text.labels import covered_query_term_ratio


def test_held_out_topics_share_no_run_of_eight_words_with_training() -> None:
    held_out = {tuple(run) for _, passage in text.passages("held-out") for run in runs(passage)}
    training = {tuple(run) for _, passage in text.passages("train") for run in runs(passage)}
    assert len(held_out) > 2000
    assert held_out.isdisjoint(training)


def runs(passage: str) -> list[list[str]]:
    words = passage.split()
    return [words[start : start + 8] for start in range(len(words) - 7)]


def test_coverage_varies_from_none_to_all_and_pairs_come_from_the_seed() -> None:
    pairs = text.pairs(300, split="held-out", seed=4)
    labels = [covered_query_term_ratio(pair.query, pair.passage) for pair in pairs]
    assert min(labels) == 0
    assert max(labels) == 1
    assert statistics.pstdev(labels) > 0.3
    assert pairs == text.pairs(300, split="held-out", seed=4)
    assert pairs != text.pairs(300, split="held-out", seed=5)


def test_the_adapter_has_learned() -> None:
    """The shipped adapter on held-out topics, through plain peft and transformers."""
    from sklearn.metrics import r2_score

    pairs = sorted(text.pairs(64, split="held-out", seed=21), key=lambda pair: len(pair.prompt))
    labels = [covered_query_term_ratio(pair.query, pair.passage) for pair in pairs]
    assert r2_score(labels, predicted(ADAPTER, pairs)) > 0.6


@pytest.fixture(scope="module")
def road(real_analysis: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The analysis of a real model in a store, each command a process of its own."""
    folder = tmp_path_factory.mktemp("road")
    try:
        command(folder, "ingest", str(real_analysis), "--keep", "5")
        yield folder
    finally:
        command(folder, "store", "stop")


def test_fates_of_a_real_model_answer_from_a_new_process(road: Path) -> None:
    rows = json.loads(command(road, "query", "fates", "--format", "json"))
    assert [(row["run"], row["layer"], row["next"]) for row in rows] == [(RUN, 11, 12), (RUN, 12, 13)]
    for row in rows:
        assert sum(row[fate] for fate in ("persist", "split", "merge", "vanish")) == pytest.approx(100)


def test_the_graph_says_what_the_analysis_says(road: Path, real_analysis: Path) -> None:
    from hedonic_graph.results import open_results

    results = open_results(real_analysis)
    (run,) = results.runs
    sizes = json.loads(command(road, "query", "sizes", "--format", "json"))
    assert sum(row["coalitions"] for row in sizes) == sum(len(results.coalitions(run, layer)) for layer in LAYERS)
    edges = pd.concat([results.edges(run, layer, 5) for layer in LAYERS[:-1]])
    splits = json.loads(command(road, "query", "splits", "--format", "json"))
    assert len(splits) == (edges["event"] == "split").sum()
    significant = json.loads(command(road, "query", "significant", "--format", "json"))
    counted = sum(results.lineage_record(run, layer)["counts"]["significant"] for layer in LAYERS[:-1])
    assert len(significant) == (edges["z"] >= 3).sum() == counted


def test_a_file_in_the_place_of_its_folder_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "taken"
    file.write_text("mine")
    result = CliRunner().invoke(main, ["demo", str(file), "--store", str(tmp_path / "store")])
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: File exists: {file}\n")
    assert file.read_text() == "mine" and not (tmp_path / "store").exists()
