"""Halves of the text held against each other: by resolution, by number of examples, and what is said of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file
from sklearn.metrics import adjusted_rand_score

from hedonic_graph.cli.analyze import show
from hedonic_graph.config import Config
from hedonic_graph.errors import UserError
from hedonic_graph.game.consensus import consensus
from hedonic_graph.game.partition import Partition
from hedonic_graph.models.examples import halves
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.pipeline.comparing import check_growth
from hedonic_graph.reliability import reliability_tables
from hedonic_graph.results import open_results
from hedonic_graph.summary import verdicts
from hedonic_graph.text.pairs import Pair, load_pairs, write_pairs

QUERIES = ("what is a", "neuron", "coalition of the graph")


@pytest.fixture(scope="module")
def asked(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Twenty-four pairs of three queries."""
    path = tmp_path_factory.mktemp("text") / "pairs.jsonl"
    pairs = load_pairs(Path(config.text))
    write_pairs(path, [Pair(QUERIES[number % 3], pair.passage) for number, pair in enumerate(pairs)])
    return replace(
        config, text=str(path), solver=("exact", "consensus"), positions="scored", layers=(1, 2), seed=(3,),
        resamples=4, halvings=2, growth=1, certificate_samples=50, shuffles=1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(asked: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("analyses") / "held"
    analyze(asked, found)
    return found


def test_parts_of_halves_are_disjoint_nested_and_halved() -> None:
    for examples in (1, 2, 7, 24):
        whole = halves(examples)
        assert (whole.sum(0) == 1).all()
        for depth in (1, 2):
            parts, larger = halves(examples, depth=depth), halves(examples, depth=depth - 1)
            assert not (parts & ~larger).any()
            assert parts.sum(1).tolist() == [count >> depth for count in whole.sum(1).tolist()]
    assert (halves(24, 0) != halves(24, 1)).any()
    assert (halves(24, 1) == halves(24, 1)).all()


@pytest.mark.parametrize("valuation", ["pas", "oca"])
def test_agreement_by_resolution_is_that_of_the_labels_kept(folder: Path, valuation: str) -> None:
    table = open_results(folder).resolutions(valuation, 2)
    assert table is not None
    assert table["resolution"].tolist() == [1.5, 2.0, 3.0, 4.0, 6.0, 8.0] * 2
    assert table["halving"].tolist() == [0] * 6 + [1] * 6
    for halving in (0, 1):
        labels = pd.read_parquet(folder / f"halved.{valuation}.{halving}.0/L02.parquet")
        assert labels.shape == (40, 8)
        pair = [
            consensus([Partition(labels[name].to_numpy()) for name in labels if name.startswith(f"half {half} ")],
                      resolution=3.0, seed=3).partition.labels
            for half in (0, 1)
        ]  # fmt: skip
        (found,) = table["adjusted_rand"][(table["halving"] == halving) & (table["resolution"] == 3.0)]
        assert found == pytest.approx(adjusted_rand_score(*pair))


def test_a_resample_of_a_half_sees_no_example_of_the_other(asked: Config, folder: Path, tmp_path: Path) -> None:
    """A text in which the examples of the other half are different ones gives the same labels."""
    pairs = load_pairs(Path(asked.text))
    first = halves(24, 1)[0].tolist()
    changed = [pair if here else Pair("what is a", "neuron") for pair, here in zip(pairs, first, strict=True)]
    write_pairs(tmp_path / "pairs.jsonl", changed)
    analyze(replace(asked, text=str(tmp_path / "pairs.jsonl"), valuation=("pas",), layers=(1,)), tmp_path / "other")
    one, two = (pd.read_parquet(place / "halved.pas.1.0/L01.parquet") for place in (folder, tmp_path / "other"))
    same = [np.array_equal(one[name], two[name]) for name in one]
    # Padding differs with the batches, and rounding may turn a close choice.
    assert sum(same[:4]) >= 3
    assert not any(same[4:])


def test_growth_ends_with_the_figures_of_the_halves(folder: Path) -> None:
    results = open_results(folder)
    for run in results.runs:
        table, figures = results.growth(str(run.valuation), 1), results.halves(run, 1)
        resolutions = results.resolutions(str(run.valuation), 1)
        assert table is not None and figures is not None and resolutions is not None
        assert table["examples_a_half"].tolist() == [12, 6]
        whole = table.iloc[0]
        for column, name in (("exact", "adjusted_rand"), ("correlation",) * 2, ("overlap",) * 2):
            assert whole[column] == pytest.approx(figures[name])
        first = resolutions[(resolutions["halving"] == 0) & (resolutions["resolution"] == 4.0)]
        assert whole["consensus"] == pytest.approx(first["adjusted_rand"].iloc[0])
        assert table["correlation"].iloc[1] != whole["correlation"]


def test_a_smaller_part_is_what_its_examples_say_alone(asked: Config, folder: Path, tmp_path: Path) -> None:
    phis = []
    for number, part in enumerate(halves(24, depth=1).tolist()):
        pairs = load_pairs(Path(asked.text))
        write_pairs(tmp_path / f"{number}.jsonl", [pair for pair, here in zip(pairs, part, strict=True) if here])
        alone = replace(asked, text=str(tmp_path / f"{number}.jsonl"), solver=("exact",), layers=(1,), growth=0)
        analyze(replace(alone, valuation=("pas",)), tmp_path / str(number))
        phis.append(load_file(tmp_path / str(number) / "phi.pas/L01.safetensors")["phi"][np.triu_indices(40, 1)])
    table = open_results(folder).growth("pas", 1)
    assert table is not None
    assert table["correlation"].iloc[1] == pytest.approx(np.corrcoef(*phis)[0, 1], abs=1e-4)


def test_what_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = open_results(folder)
    said = "\n".join(verdicts(results))
    for run in results.runs:
        tables = [results.resolutions(str(run.valuation), layer) for layer in (1, 2)]
        means = [one["adjusted_rand"][one["resolution"] == 4.0].mean() for one in tables if one is not None]
        if run.solver == "exact":
            assert "halves_agreement_consensus" not in run.honesty
            continue
        assert run.honesty["halves_agreement_consensus"] == pytest.approx(np.mean(means))
        assert (
            f"{run.valuation}.consensus: in two halves its partitions at resolution 4 agree with an adjusted Rand "
            f"index of {np.mean(means):.3f}, the mean of 2 halvings"
        ) in said
    assert said.count("both halves hold pairs of the same 3 queries") == 2
    assert said.count("(median), over 3 queries") == 2
    assert "--growth" not in said
    titles = [one.title for one in reliability_tables(results)]
    assert len(titles) == 4
    assert "(mean of 2 layers and 2 halvings; the fewest coalitions" in titles[0]
    # Forty neurons have no thirty coalitions of three.
    assert reliability_tables(results)[0].notes[0].startswith("No resolution gives at least 30")
    show(folder, False)
    printed = capsys.readouterr().out
    assert all(title in printed for title in titles)


def test_nothing_is_asked_for_nothing_is_kept(asked: Config, folder: Path, tmp_path: Path) -> None:
    few = replace(asked, halvings=0, growth=1, valuation=("pas",), layers=(1,))
    analyze(few, tmp_path / "few")
    results = open_results(tmp_path / "few")
    assert results.resolutions("pas", 1) is None
    assert not any("consensus" in name for run in results.runs for name in run.honesty)
    table = results.growth("pas", 1)
    assert table is not None
    assert table["consensus"].isna().all()
    assert [shown.columns for shown in reliability_tables(results)] == [
        ["examples in a half", "exact", "phi", "choices %"]
    ]
    # And what an earlier configuration left behind says nothing.
    analyze(replace(few, growth=0), tmp_path / "few")
    assert reliability_tables(open_results(tmp_path / "few")) == []


def test_fewer_examples_than_parts(asked: Config, tmp_path: Path) -> None:
    write_pairs(tmp_path / "two.jsonl", load_pairs(Path(asked.text))[:3])
    few = replace(asked, text=str(tmp_path / "two.jsonl"), layers=(1,), valuation=("pas",), growth=0)
    analyze(few, tmp_path / "two")
    results = open_results(tmp_path / "two")
    assert (results.resolutions("pas", 1), results.growth("pas", 1)) == (None, None)
    assert reliability_tables(results) == []
    verdicts(results)


@pytest.mark.parametrize(
    ("examples", "growth", "most"),
    [(24, 2, None), (24, 3, 2), (24, 10**9, 2), (8, 1, None), (9, 2, 1), (7, 1, 0), (3, 1, 0), (1, 5, 0), (1, 0, None)],
)
def test_growth_leaves_no_part_without_two_examples(
    asked: Config, examples: int, growth: int, most: int | None
) -> None:
    config = replace(asked, growth=growth)
    if most is None:
        check_growth(config, examples)
        assert not growth or halves(examples, depth=growth).sum(1).min() >= 2
        return
    advice = f"give {most} or less" if most else "give 0, or a larger text"
    with pytest.raises(
        UserError, match=rf"growth {growth} leaves parts of fewer than 2 of the {examples} ex.*{advice}"
    ):
        check_growth(config, examples)
    assert most == 0 or halves(examples, depth=most).sum(1).min() >= 2
    assert halves(examples, depth=most + 1).sum(1).min() < 2


def test_too_much_growth_is_said_before_anything_is_written(asked: Config, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"growth 3 leaves parts of fewer than 2 of the 24 examples: give 2 or less"):
        analyze(replace(asked, growth=3), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_help_says_what_it_costs() -> None:
    from hedonic_graph.cli import main

    said = " ".join(CliRunner().invoke(main, ["analyze", "--help"]).output.split())
    assert "Each costs about twice the resamples" in said
