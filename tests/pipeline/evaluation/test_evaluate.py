"""What an evaluation adds to an analysis."""

from pathlib import Path

from hedonic_graph.results import open_results


def test_all_units_are_there(evaluated: Path) -> None:
    results = open_results(evaluated)
    for run in results.runs:
        for layer in (1, 2):
            for stage in ("synergy", "alignment", "drop"):
                table = results.evaluation(stage, run, layer)
                print(run.id, stage, layer)
                print(table.to_string())
    print(results.predictivity("pas", 1).to_string())
    print(results.evaluated)
    from hedonic_graph.cli.evaluate import show
    show(evaluated, False)
    show(evaluated, True)
    assert 0
