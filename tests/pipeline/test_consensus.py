"""The consensus solver on a whole analysis: its resamples, its figures, what it redoes and what it refuses."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hedonic_graph.config import Config
from hedonic_graph.errors import UserError
from hedonic_graph.game.partition import Partition
from hedonic_graph.game.top_cover import exact_top_cover
from hedonic_graph.models.capture import LayerCapture
from hedonic_graph.models.examples import bootstrap
from hedonic_graph.pipeline import resampling
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.results import open_results
from hedonic_graph.summary import layer_rows, table, verdicts
from hedonic_graph.text.pairs import load_pairs, write_pairs

CONSENSUS = ("partition.pas.consensus", "partition.oca.consensus", "agreement", "lineage")


@pytest.fixture(scope="module")
def asked(config: Config) -> Config:
    return replace(
        config,
        solver=("exact", "consensus"),
        positions="scored",
        layers=(1, 2),
        resamples=6,
        resolution=1.0,
        seed=(0, 3),
    )


@pytest.fixture(scope="module")
def folder(asked: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("analyses") / "agreed"
    analyze(asked, found)
    return found


def test_a_draw_is_as_large_as_the_text_and_hangs_on_seed_and_number() -> None:
    draws = {(seed, number): tuple(bootstrap(50, seed, number)) for seed in (0, 1) for number in (0, 1)}
    assert all(sum(draw) == 50 for draw in draws.values())
    assert len(set(draws.values())) == 4
    assert [bootstrap(50, 0, 0, share).sum() for share in (0.2, 0.5, 0.001)] == [10, 25, 1]
    assert bootstrap(50, 1, 1).tolist() == list(draws[1, 1])
    many = np.stack([bootstrap(200, 0, number) for number in range(400)])
    assert many.mean(0).std() < 0.1
    assert (many == 0).mean() == pytest.approx(np.exp(-1), abs=0.01)


@pytest.mark.parametrize("valuation", ["pas", "oca"])
def test_resamples_are_exact_partitions_of_repeated_examples(
    folder: Path, asked: Config, valuation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held against a capture that holds each example as often as it was drawn."""
    from hedonic_graph.analysis import Analysis
    from hedonic_graph.pipeline import valuing
    from hedonic_graph.pipeline.capturing import load_capture
    from hedonic_graph.pipeline.context import Context
    from hedonic_graph.pipeline.subject import locate

    subject = locate(asked.model, asked.adapter, None, asked.layers)
    context = Context(Analysis.open(folder), asked, torch.device("cpu"), subject, [], print)
    seen = load_capture(context, 2)
    stored = pd.read_parquet(folder / f"resamples.{valuation}.3/L02.parquet")
    assert stored.shape == (40, 6)
    agree = []
    for number in range(6):
        times = torch.from_numpy(bootstrap(24, 3, number))
        rows = (one.repeat_interleave(times, dim=0) for one in (seen.y, seen.tuned, seen.base))
        drawn = LayerCapture(*rows, moments=None)
        monkeypatch.setattr(valuing, "load_capture", lambda *_, drawn=drawn: drawn)
        phi = valuing.Values(context, valuation, 2).whole()
        labels = exact_top_cover(phi, k=3).partition.labels
        agree.append(np.array_equal(labels, stored[f"resample {number}"]))
    # Rounding may turn a choice between two partners that are as good as equal.
    assert sum(agree) >= 5


def test_confidence_is_in_the_tables_the_summary_and_the_figures(folder: Path) -> None:
    results = open_results(folder)
    assert [run.id.partition("/")[2] for run in results.runs if run.valuation == "pas"] == [
        "pas.exact", "pas.consensus.0", "pas.consensus.3"
    ]  # fmt: skip
    said = "\n".join(verdicts(results))
    for run in results.runs:
        columns, cells = table(layer_rows(results, run))
        assert ("confidence" in columns) == (run.solver == "consensus")
        assert {len(line) for line in cells} == {len(columns)}
        if run.solver == "exact":
            assert "confidence" not in results.coalitions(run, 1)
            assert "confidence" not in run.honesty
            continue
        means = []
        for layer in (1, 2):
            held = pd.read_parquet(folder / f"resamples.{run.valuation}.{run.seed}/L{layer:02d}.parquet")
            together = np.mean([held[one].to_numpy()[:, None] == held[one].to_numpy() for one in held], axis=0)
            coalitions, members = results.coalitions(run, layer), results.members(run, layer)
            for rank, size, confidence in coalitions[["coalition", "size", "confidence"]].itertuples(index=False):
                mine = members["neuron"][members["coalition"] == rank].to_numpy()
                inside = together[np.ix_(mine, mine)]
                pairs = inside[~np.eye(int(size), dtype=bool)]
                assert np.isnan(confidence) if size == 1 else confidence == pytest.approx(pairs.mean())
            means.append((coalitions["confidence"] * coalitions["size"])[coalitions["size"] > 1].sum()
                         / coalitions["size"][coalitions["size"] > 1].sum())  # fmt: skip
        assert run.honesty["confidence"] == pytest.approx(np.mean(means))
        assert f"{run.id}: a neuron that is not alone shares its coalition with another member in" in said
    assert "pas.consensus: its 2 seeds agree" in said


def test_same_seed_same_result_with_one_thread_or_two(asked: Config, tmp_path: Path) -> None:
    before, places = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            places.append(tmp_path / str(threads))
            analyze(replace(asked, halvings=0, layers=(2,), solver=("consensus",)), places[-1])
    finally:
        torch.set_num_threads(before)
    for name in ("resamples.pas.0", "partition.pas.consensus.0", "partition.oca.consensus.3"):
        one, two = (pd.read_parquet(place / f"{name}/L02.parquet") for place in places)
        pd.testing.assert_frame_equal(one, two)


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ({"resolution": 2.5}, {"resolutions", *CONSENSUS}),
        ({"resample_share": 0.5}, {"resamples", "halved", "resolutions", *CONSENSUS}),
        ({"k": 2}, {"halves", "resamples", "halved", "resolutions", "partition", "agreement", "lineage"}),
        ({"halvings": 2, "growth": 1}, {"halved.pas.1.0", "halved.oca.0.1", "halved", "resolutions", "growth"}),
        ({"halvings": 0}, set()),
        ({"samples": 300}, set()),
    ],
)
def test_a_change_redoes_what_hangs_on_it(
    folder: Path, asked: Config, tmp_path: Path, change: dict[str, float], stages: set[str]
) -> None:
    shutil.copytree(folder, tmp_path / "agreed")
    done = analyze(replace(asked, **change), tmp_path / "agreed")  # type: ignore[arg-type]
    assert all(any(unit.startswith(stage) for stage in stages) for unit in done), done
    # Another resolution may leave a lineage as it was.
    assert all(any(unit.startswith(stage) for unit in done) for stage in stages - {"lineage", "agreement"}), done


def test_a_consensus_hangs_on_its_resamples(
    folder: Path, asked: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another version of the program gives other resamples of the same examples."""
    shutil.copytree(folder, tmp_path / "agreed")
    monkeypatch.setattr(resampling, "VERSION", resampling.VERSION + 1)
    monkeypatch.setattr(resampling, "bootstrap", lambda count, seed, *rest: bootstrap(count, seed + 7, *rest))
    done = analyze(asked, tmp_path / "agreed")
    partitions = {unit for unit in done if unit.startswith("partition.")}
    runs = [f"{valuation}.consensus.{seed}" for valuation in ("pas", "oca") for seed in (0, 3)]
    assert partitions == {f"partition.{run}/L{layer:02d}" for run in runs for layer in (1, 2)}


def test_what_it_cannot_do_is_said_first(config: Config, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="OCA over all tokens keeps nothing of each: give --positions scored"):
        replace(config, solver=("consensus",))
    replace(config, solver=("consensus",), valuation=("pas",))
    for name, value in (("resamples", 0), ("resolution", 0.0), ("resolution", float("inf")), ("resample_share", 1.5)):
        with pytest.raises(UserError, match=name.replace("_", "-")):
            replace(config, **{name: value})  # type: ignore[arg-type]
    write_pairs(tmp_path / "one.jsonl", load_pairs(Path(config.text))[:1])
    one = replace(config, text=str(tmp_path / "one.jsonl"), solver=("consensus",), valuation=("pas",))
    with pytest.raises(UserError, match="needs two examples or more to resample"):
        analyze(one, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_valuation_of_nothing_gives_singletons(folder: Path) -> None:
    from hedonic_graph.game.consensus import consensus

    nothing = exact_top_cover(torch.zeros(5, 5)).partition
    found = consensus([nothing] * 3, resolution=1.0)
    assert isinstance(found.partition, Partition)
    assert len(found.partition) == 5
    assert json.loads((folder / "partition.pas.consensus.0/L01.json").read_text())["confidence"] > 0
