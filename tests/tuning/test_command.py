"""The command line: help, the table, and mistakes in one line."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tuning.making import save_positives

from hedonic_graph.cli import main


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["finetune", *map(str, arguments)])


@pytest.fixture(scope="module")
def trec(tmp_path_factory: pytest.TempPathFactory, positives: Path) -> Path:
    """Six queries with four passages each in TREC's files; the first passage of each is relevant."""
    folder = tmp_path_factory.mktemp("trec")
    found = [json.loads(line) for line in positives.read_text().splitlines()]
    queries, runs, qrels = [], [], []
    for number, one in enumerate(found[:6]):
        queries.append(f"{number}\tgraph {one['query']}")
        runs += [f"{number} Q0 d{number * 4 + place} {place + 1} {-place} mine" for place in range(4)]
        qrels.append(f"{number} 0 d{number * 4} 2")
    passages = [json.dumps({"docid": f"d{number}", "text": f"neuron value {number}"}) for number in range(24)]
    for name, lines in (
        ("queries.tsv", queries),
        ("run.mine.txt", runs),
        ("qrels.txt", qrels),
        ("passages.jsonl", passages),
    ):
        (folder / name).write_text("\n".join(lines) + "\n")
    return folder


def settings(base: Path, positives: Path, *others: object) -> list[object]:
    return [
        *(
            "--model",
            base,
            "--text",
            positives,
            "--layers",
            "1-2",
            "--held-out",
            6,
            "--steps",
            2,
            "--batch-size",
            4,
            "--negatives",
            3,
        ),
        *("--device", "cpu", *others),
    ]


def test_a_ranking_ends_in_a_table_beside_the_order_of_the_run(
    tiny_base: Path, positives: Path, trec: Path, tmp_path: Path
) -> None:
    done = call(*settings(tiny_base, positives, "--task", "rm", "--evaluate-text", trec, "-o", tmp_path / "out"))
    assert done.exit_code == 0, done.output
    rows = [line for line in done.stdout.splitlines() if line.startswith(trec.name)]
    assert [row.split()[2:-2] for row in rows] == [
        ["order", "of", "the", "only", "run"],
        ["untrained", "base"],
        ["tuned"],
    ]
    assert rows[0].split()[-2:] == ["1.0000", "1.0000"]
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["texts"][1]["rows"]["order of the only run"]["ndcg@10"] == 1
    again = call(
        *settings(tiny_base, positives, "--task", "rm", "--evaluate-text", trec, "-o", tmp_path / "out", "--json")
    )
    assert json.loads(again.stdout) == scores


def test_a_watched_text_is_in_the_log(tiny_base: Path, positives: Path, trec: Path, tmp_path: Path) -> None:
    watch = ("--evaluate-every", 1, "--evaluate-text", trec, "--depth", 3, "--watch", "--task", "cqtr")
    done = call(*settings(tiny_base, positives, *watch, "--precision", "float32", "-o", tmp_path / "out"))
    assert done.exit_code == 0, done.output
    header, *rows = (tmp_path / "out" / "log.csv").read_text().splitlines()
    names = header.split(",")
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    best = scores["training"]["best_step"] - 1
    watched = float(rows[best].split(",")[names.index("text_loss")])
    assert watched == pytest.approx(scores["texts"][1]["rows"]["tuned"]["mse"], rel=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--task", "ndcg"], "is not one of 'cqtr', 'mean-tf-l', 'rm'"),
        ([], "missing --task"),
        (["--task", "cqtr", "--layers", "3-9"], "has no layer 4"),
        (["--task", "cqtr", "--held-out", "20"], "24 queries are too few to hold 20 out"),
        (["--task", "cqtr", "--learning-rate", "0"], "learning-rate must be above 0"),
        (["--task", "cqtr", "--steps", "0"], "steps must be at least 1"),
        (["--task", "cqtr", "--run", "bm25"], "--run needs --evaluate-text"),
        (["--task", "cqtr", "--watch"], "--watch needs --evaluate-text"),
        (["--task", "cqtr", "--leave-out", "nowhere"], "missing file nowhere"),
        (["--task", "cqtr", "--prompt", "{text}"], "must hold {query}"),
        (["--task", "cqtr", "--start", "./nowhere"], "nowhere"),
        (["--task", "cqtr", "--blends", "-1"], "blends must be at least 0"),
        (["--task", "cqtr", "--untrained-like", "there"], "takes no --"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    wrong: list[str], message: str, tiny_base: Path, positives: Path, tmp_path: Path
) -> None:
    done = call(*settings(tiny_base, positives), *wrong, "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert not (tmp_path / "out").exists()


def test_a_text_without_queries_or_judgements(tiny_base: Path, positives: Path, trec: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"qid": 1, "query": "a"}\n')
    done = call(*settings(tiny_base, tmp_path / "bad.jsonl", "--task", "cqtr", "-o", tmp_path / "out"))
    assert (done.exit_code, "line 1: expected an object with qid" in done.stderr) == (2, True)
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("queries.tsv", "run.mine.txt", "passages.jsonl"):
        (bare / name).write_bytes((trec / name).read_bytes())
    done = call(*settings(tiny_base, positives, "--task", "rm", "--evaluate-text", bare, "-o", tmp_path / "out"))
    assert (done.exit_code, "missing file" in done.stderr, "qrels.txt" in done.stderr) == (2, True, True)
    few = save_positives(tmp_path / "few.jsonl", 1)
    done = call(*settings(tiny_base, few, "--task", "cqtr", "-o", tmp_path / "out"))
    assert (done.exit_code, "1 queries are too few" in done.stderr) == (2, True)
    assert not (tmp_path / "out").exists()


def test_the_control_prints_norms(tiny_adapter: Path, tmp_path: Path) -> None:
    done = call("--untrained-like", tiny_adapter, "-o", tmp_path / "random", "--json")
    assert done.exit_code == 0, done.output
    assert len(json.loads(done.stdout)["norms"]) == 12
