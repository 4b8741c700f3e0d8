"""What was measured, as JSON and as tables."""

import json

from hedonic_graph.bench.loading import Load
from hedonic_graph.bench.machine import machine
from hedonic_graph.bench.questions import Timing
from hedonic_graph.bench.report import Report
from hedonic_graph.bench.synthetic import Scale


def one(loader: str, seconds: float) -> Load:
    return Load(loader, 90_000, seconds, 250_000_000, 200_000_000, None)


def report(loads: list[Load], *timings: Timing) -> Report:
    return Report(machine(), "Neo4j/5", "bolt://host:1", 500, Scale(), Scale(layers=3, edges=77), loads, list(timings))


def test_the_ratio_is_that_of_the_medians() -> None:
    seconds = {"plain": (4.0, 2.0, 2.5), "ours": (1.0, 9.0, 1.25)}
    found = report([one(name, s) for name, all in seconds.items() for s in all])
    assert found.rate("plain") == 36_000
    assert found.ratio == 2.0
    assert found.record()["ratio"] == 2.0
    assert "Ours loads 2.00 times as many rows a second as the plain loader." in found.text()


def test_without_a_plain_loader_there_is_no_ratio() -> None:
    found = report([one("ours", 2.0)])
    assert found.ratio is None
    assert "times as many" not in found.text()


def test_the_table_holds_what_the_record_does() -> None:
    found = report([one("ours", 2.0)], Timing("coalition", True, 200, 4321, 0.0123, 0.049))
    text = found.text()
    for said in ("Neo4j/5 at bolt://host:1", "no neo4j-rust-ext", "14,336 neurons", "77 edges", "500 rows in a batch"):
        assert said in text
    for cells in (
        ["ours", "90000", "2.00", "45000", "250", "200"],
        ["coalition", "yes", "200", "4321", "12.3", "49.0"],
    ):
        assert cells in [line.split() for line in text.splitlines()]
    assert "all below 50 ms" in text
    assert json.loads(json.dumps(found.record()))["queries"][0]["p95"] == 0.049


def test_a_query_from_one_coalition_that_is_too_slow_is_named() -> None:
    found = report([one("ours", 2.0)], Timing("coalition", True, 9, 9, 0.01, 0.06), Timing("fates", False, 9, 9, 1, 2))
    assert "above 50 ms: coalition." in found.text()
