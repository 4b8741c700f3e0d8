"""A finished analysis of the tiny model on a judged text, and one that was evaluated in every way."""

import json
import random
import shutil
from pathlib import Path

import pytest
from tiny import WORDS
from tuning.making import save_positives

from hedonic_graph.config import Config
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.pipeline.evaluation.evaluate import evaluate
from hedonic_graph.pipeline.evaluation.options import EvaluationOptions

QUERIES, PASSAGES = 7, 4


def save_trec(folder: Path) -> Path:
    """Write a text in TREC's files: 7 queries with 4 passages each, the third one not judged, and q6 not at all."""
    draw = random.Random(5)
    folder.mkdir()
    queries = {f"q{number}": " ".join(draw.sample(WORDS, 3)) for number in range(QUERIES)}
    passages = {f"d{number}": " ".join(draw.choices(WORDS, k=draw.randint(4, 14))) for number in range(40)}
    (folder / "queries.tsv").write_text("".join(f"{qid}\t{query}\n" for qid, query in queries.items()))
    with (folder / "passages.jsonl").open("w") as out:
        out.writelines(json.dumps({"docid": docid, "text": text}) + "\n" for docid, text in passages.items())
    run, qrels = [], []
    for place, qid in enumerate(queries):
        for rank in range(PASSAGES):
            docid = f"d{place * PASSAGES + rank}"
            run.append(f"{qid} Q0 {docid} {rank + 1} {10 - rank} test\n")
            if rank != 2 and qid != "q6":
                qrels.append(f"{qid} 0 {docid} {draw.choice([0, 1, 3])}\n")
        qrels.append(f"{qid} 0 d{39 - place} 2\n" if qid != "q6" else "")
    (folder / "run.first.txt").write_text("".join(run))
    (folder / "qrels.txt").write_text("".join(qrels))
    return folder


@pytest.fixture(scope="session")
def trec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_trec(tmp_path_factory.mktemp("texts") / "trec")


@pytest.fixture(scope="session")
def positives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_positives(tmp_path_factory.mktemp("texts") / "train.jsonl", 30)


@pytest.fixture(scope="session")
def judged(tiny_base: Path, tiny_adapter: Path, trec: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished analysis; a test that changes it works on a copy."""
    folder = tmp_path_factory.mktemp("analyses") / "judged"
    config = Config(
        model=str(tiny_base),
        adapter=str(tiny_adapter),
        text=str(trec),
        task="CQTR",
        layers=(1, 2),
        valuation=("pas", "oca"),
        solver=("exact", "pac", "kmeans"),
        seed=(0,),
        samples=400,
        certificate_samples=200,
        batch_size=5,
    )
    analyze(config, folder)
    return folder


@pytest.fixture(scope="session")
def everything(positives: Path) -> EvaluationOptions:
    return EvaluationOptions(
        what=("synergy", "alignment", "predictivity", "drop"),
        train_text=str(positives),
        train_examples=50,
        per_class=2,
        groups=50,
        permutations=99,
        random_groups=3,
        seed=3,
    )


@pytest.fixture(scope="session")
def evaluated(judged: Path, everything: EvaluationOptions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same analysis, evaluated in every way; a test that changes it works on a copy."""
    folder = tmp_path_factory.mktemp("evaluated") / "judged"
    shutil.copytree(judged, folder)
    evaluate(everything, folder)
    return folder


@pytest.fixture
def copy(judged: Path, tmp_path: Path) -> Path:
    shutil.copytree(judged, tmp_path / "judged")
    return tmp_path / "judged"


@pytest.fixture
def evaluated_copy(evaluated: Path, tmp_path: Path) -> Path:
    shutil.copytree(evaluated, tmp_path / "judged")
    return tmp_path / "judged"
