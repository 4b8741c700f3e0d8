"""Every number that an evaluation writes, computed again from the folder's raw files by other means."""

import json
import re
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from oracle import Ablation, Whole
from safetensors.numpy import load_file
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hedonic_graph.evaluation.ridge import PENALTIES
from hedonic_graph.pipeline.evaluation.aligning import strongest
from hedonic_graph.pipeline.evaluation.training import unseen
from hedonic_graph.text.features import FAMILIES
from hedonic_graph.text.pairs import Pair
from hedonic_graph.text.positives import Positive

RUNS = [f"{valuation}.{run}" for valuation in ("pas", "oca") for run in ("exact", "pac.0", "kmeans.0")]
CASES = [(run, layer) for run in RUNS for layer in (1, 2)]
CLASSES = {1: (2, 2), 2: (3, 4), 3: (5, 8), 4: (9, 16), 5: (17, 32), 6: (33, 64)}


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def members(folder: Path, run: str, layer: int) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row in pd.read_parquet(folder / f"partition.{run}/L{layer:02d}.parquet").itertuples():
        found.setdefault(row.coalition, []).append(row.neuron)
    return found


def table(folder: Path, stage: str, layer: int, suffix: str = "") -> pd.DataFrame:
    return pd.read_parquet(folder / f"{stage}/L{layer:02d}{suffix}.parquet")


def cqtr(query: str, passage: str) -> float:
    asked, held = (set(re.findall(r"\w+", text.lower())) for text in (query, passage))
    return len(asked & held) / len(asked)


@pytest.fixture(scope="module")
def whole(tiny_base: Path, tiny_adapter: Path) -> Whole:
    return Whole(tiny_base, tiny_adapter)


class Models:
    """The model with other weights in one layer, on all prompts of the analysis."""

    def __init__(self, folder: Path, whole: Whole, layer: int, *, cut: bool) -> None:
        prompts = [f"query: {one['query']}, passage: {one['passage']}" for one in lines(folder / "text/pairs.jsonl")]
        assert len(prompts) == 28
        lengths = [len(whole.tokenizer(prompt)["input_ids"]) for prompt in prompts]
        self.places = [[i for i, one in enumerate(lengths) if one == length] for length in sorted(set(lengths))]
        self.models = [Ablation(whole, layer, [prompts[i] for i in some], cut=cut) for some in self.places]

    def __call__(self, *neurons: int) -> np.ndarray:
        """The logit of each prompt with these neurons ablated."""
        found = np.empty(28)
        for some, model in zip(self.places, self.models, strict=True):
            found[some] = model.logit(*neurons)
        return found


@pytest.mark.parametrize(("run", "layer"), CASES)
def test_the_same_coalitions_are_chosen_for_synergy_and_drop(evaluated: Path, run: str, layer: int) -> None:
    sizes = {number: len(held) for number, held in members(evaluated, run, layer).items() if len(held) > 1}
    synergy, drop = table(evaluated, f"synergy.{run}", layer), table(evaluated, f"drop.{run}", layer)
    named = ["coalition", "size", "size_class"]
    pd.testing.assert_frame_equal(synergy[named], drop[named])
    assert synergy["coalition"].is_monotonic_increasing
    for one, (low, high) in CLASSES.items():
        here = synergy[synergy["size_class"] == one]
        there = [number for number, size in sizes.items() if low <= size <= high]
        assert set(here["coalition"]) <= set(there)
        assert len(here) == min(len(there), 2)
    for stage in ("synergy", "drop"):
        record = json.loads((evaluated / f"{stage}.{run}/L{layer:02d}.json").read_text())
        assert (record["evaluated"], record["examples"], record["queries"]) == (len(synergy), 28, 7)
        assert record["coalitions"] == len(members(evaluated, run, layer))
        assert "at most 2" in record["rule"] and "seed 3" in record["rule"]


def test_synergy_is_that_of_models_with_other_weights(evaluated: Path, whole: Whole) -> None:
    rows = pd.concat([table(evaluated, f"synergy.{run}", 2).assign(run=run) for run in RUNS])
    row = rows.sort_values("size").iloc[0]
    group = members(evaluated, row["run"], 2)[row["coalition"]]
    logit = Models(evaluated, whole, 2, cut=True)
    full, alone = logit(), {i: logit(i) for i in group}
    pairs = [(full - alone[i] - alone[j] + logit(i, j)).mean() for i, j in combinations(group, 2)]
    psi = sum((full - one).mean() for one in alone.values())
    np.testing.assert_allclose(row["psi"], psi, rtol=2e-3)
    np.testing.assert_allclose(row["pair"], np.mean(pairs), rtol=2e-2)
    np.testing.assert_allclose(row["ratio"], 2 * np.sum(pairs) / psi, rtol=2e-2)
    assert row["order"] == "exact"


@pytest.mark.parametrize(("run", "layer"), CASES)
def test_random_groups_have_the_pairs_of_the_whole_layer(evaluated: Path, run: str, layer: int) -> None:
    found = table(evaluated, f"synergy.{run}", layer)
    phi = load_file(evaluated / f"phi.pas/L{layer:02d}.safetensors")["phi"].astype(np.float64)
    mean = phi[~np.eye(40, dtype=bool)].mean()
    for row in found.itertuples():
        # The mean of 50 groups, whose mean is that of all pairs.
        assert abs(row.chance - mean) < 4 * row.chance_sd / 50**0.5
        random = np.random.default_rng(0)
        groups = [random.choice(40, row.size, replace=False) for _ in range(2000)]
        pairs = [phi[np.ix_(one, one)].sum() / (row.size * (row.size - 1)) for one in groups]
        assert row.chance_sd == pytest.approx(np.std(pairs), rel=0.45)
        assert row.p == pytest.approx(np.mean(np.array(pairs) >= row.pair), abs=0.25)
    np.testing.assert_allclose(found["z"], (found["pair"] - found["chance"]) / found["chance_sd"])


def features(folder: Path, collection: list[str]) -> dict[str, np.ndarray]:
    """A few features of the pairs, by hand."""
    pairs = lines(folder / "text/pairs.jsonl")
    split = [[re.findall(r"\w+", one[name].lower()) for name in ("query", "passage")] for one in pairs]
    held = [set(re.findall(r"\w+", text.lower())) for text in collection]
    idf = {
        term: np.log((len(held) + 1) / (sum(term in one for one in held) + 1)) for query, _ in split for term in query
    }
    return {
        "covered query term ratio": np.array([len({*q} & {*p}) / len({*q}) for q, p in split]),
        "stream length": np.array([float(len(p)) for _, p in split]),
        "IDF": np.array([sum(idf[term] for term in {*q}) for q, _ in split]),
        "sum of TF*IDF": np.array([sum(p.count(term) * idf[term] for term in {*q}) for q, p in split]),
    }


@pytest.mark.parametrize(("run", "layer"), CASES)
def test_alignment(evaluated: Path, trec: Path, run: str, layer: int) -> None:
    found, edges = table(evaluated, f"alignment.{run}", layer), table(evaluated, f"alignment.{run}", layer, ".edges")
    held = {number: one for number, one in members(evaluated, run, layer).items() if len(one) > 1}
    assert dict(zip(found["coalition"], found["size"], strict=True)) == {n: len(one) for n, one in held.items()}
    tuned = load_file(evaluated / f"capture/L{layer:02d}.safetensors")["tuned"].astype(np.float64)
    known = features(evaluated, [one["text"] for one in lines(trec / "passages.jsonl")])
    # Whole queries change places: the four passages of each of seven stay together.
    random = np.random.default_rng(1)
    orders = [(random.permutation(7)[:, None] * 4 + np.arange(4)).ravel() for _ in range(300)]
    for row in found.itertuples():
        mean = tuned[:, held[row.coalition]].mean(1)
        squares = {name: np.corrcoef(mean, values)[0, 1] ** 2 for name, values in known.items()}
        assert all(one <= row.r2 + 1e-9 for one in squares.values())
        if row.feature in squares:
            assert row.r2 == pytest.approx(squares[row.feature], rel=1e-5)
        assert row.family == FAMILIES[row.feature]
        chance = [max(np.corrcoef(mean, values[one])[0, 1] ** 2 for values in known.values()) for one in orders]
        # The best of a few features, so a lower bound of that of all.
        assert row.chance > np.mean(chance) - 0.02 and row.chance_95 > np.quantile(chance, 0.95) - 0.06
        assert (row.p <= 0.05) == (row.r2 >= row.chance_95) or abs(row.r2 / row.chance_95 - 1) < 0.05
        mine = edges[edges["coalition"] == row.coalition]
        assert len(mine) <= 3
        assert mine.empty == (row.r2 <= row.chance_95)
        for edge in mine.itertuples():
            assert edge.r2 > row.chance_95 and edge.family == FAMILIES[edge.feature]
            if edge.feature in squares:
                assert edge.r2 == pytest.approx(squares[edge.feature], rel=1e-5)
    record = json.loads((evaluated / f"alignment.{run}/L{layer:02d}.json").read_text())
    assert record["collection"] == {"passages": 40, "source": str(trec)}
    assert (record["queries"], record["permutations"]) == (7, 99)


def test_edges_are_the_best_three_features_beyond_chance() -> None:
    squares = np.zeros((3, len(FAMILIES)))
    squares[0, [2, 5, 7, 9]] = 0.3, 0.6, 0.4, 0.5
    squares[2, [1, 4]] = 0.2, 0.1
    names = list(FAMILIES)
    found = strongest(squares, np.array([0.35, 0.9, 0.1]))
    assert found.to_numpy().tolist() == [
        [0, names[5], FAMILIES[names[5]], 0.6],
        [0, names[9], FAMILIES[names[9]], 0.5],
        [0, names[7], FAMILIES[names[7]], 0.4],
        [2, names[1], FAMILIES[names[1]], 0.2],
    ]
    assert len(strongest(squares, np.zeros(3))) == 5


def test_training_examples(evaluated: Path, positives: Path) -> None:
    examples = lines(evaluated / "train/pairs.jsonl")
    assert len(examples) == 50
    texts = lines(positives)
    queries, passages = {one["query"] for one in texts}, {one["positive"] for one in texts}
    analysed = lines(evaluated / "text/pairs.jsonl")
    for one in examples:
        assert one["query"] in queries and one["passage"] in passages
        assert one["label"] == cqtr(one["query"], one["passage"])
        assert one["query"] not in {other["query"] for other in analysed}
    assert len({(one["query"], one["passage"]) for one in examples}) == 50


@pytest.mark.parametrize("layer", [1, 2])
def test_activations_of_the_training_text(evaluated: Path, whole: Whole, layer: int) -> None:
    examples = lines(evaluated / "train/pairs.jsonl")[:6]
    seen = whole.seen(layer, [f"query: {one['query']}, passage: {one['passage']}" for one in examples])
    tuned = load_file(evaluated / f"train.capture/L{layer:02d}.safetensors")["tuned"]
    assert tuned.shape == (50, 40)
    np.testing.assert_allclose(tuned[:6], seen["a"], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("valuation", ["pas", "oca"])
@pytest.mark.parametrize("layer", [1, 2])
def test_predictivity(evaluated: Path, valuation: str, layer: int) -> None:
    found = table(evaluated, f"predictivity.{valuation}", layer).set_index("run")
    runs = [run for run in RUNS if run.startswith(valuation)]
    assert found.index.tolist() == [*runs, "raw neurons", "mean"]
    examples, pairs = (lines(evaluated / f"{name}/pairs.jsonl") for name in ("train", "text"))
    labels = np.array([one["label"] for one in examples], float)
    wanted = np.array([cqtr(one["query"], one["passage"]) for one in pairs])
    one, other = (
        load_file(evaluated / f"{name}/L{layer:02d}.safetensors")["tuned"].astype(np.float64)
        for name in ("train.capture", "capture")
    )
    held = {run: [x for x in members(evaluated, run, layer).values() if len(x) > 1] for run in runs}
    count = min(map(len, held.values()))
    for run in [*runs, "raw neurons"]:
        groups = sorted(held[run], key=lambda x: (-len(x), x))[:count] if run in held else [[i] for i in range(40)]
        assert (found.loc[run, "features"], found.loc[run, "neurons"]) == (len(groups), sum(map(len, groups)))
        train, test = (np.stack([values[:, x].mean(1) for x in groups], axis=1) for values in (one, other))
        model = make_pipeline(StandardScaler(), RidgeCV(alphas=PENALTIES * 50)).fit(train, labels)
        error = wanted - model.predict(test)
        assert found.loc[run, "r2"] == pytest.approx(1 - error @ error / (wanted.var() * 28), abs=1e-6)
        assert found.loc[run, "low"] <= found.loc[run, "r2"] <= found.loc[run, "high"]
    plain = 1 - np.sum((wanted - labels.mean()) ** 2) / (wanted.var() * 28)
    assert found.loc["mean", "r2"] == pytest.approx(plain)


def test_drop_is_that_of_full_models_with_other_weights(evaluated: Path, whole: Whole) -> None:
    labels = np.array([cqtr(one["query"], one["passage"]) for one in lines(evaluated / "text/pairs.jsonl")])
    logit = Models(evaluated, whole, 1, cut=False)
    full = -np.mean((logit() - labels) ** 2)
    for run in RUNS[:3]:
        record = json.loads((evaluated / f"drop.{run}/L01.json").read_text())
        assert record["metric"] == "-mse"
        assert record["full"] == pytest.approx(full, rel=1e-4)
        row = table(evaluated, f"drop.{run}", 1).iloc[-1]
        ablated = -np.mean((logit(*members(evaluated, run, 1)[row["coalition"]]) - labels) ** 2)
        assert row["drop"] == pytest.approx(full - ablated, rel=1e-3, abs=1e-5)
        assert row["low"] <= row["drop"] <= row["high"]


@pytest.mark.parametrize("layer", [1, 2])
def test_random_groups_are_dropped_in_every_size_class(evaluated: Path, layer: int) -> None:
    found = table(evaluated, "drop.random", layer)
    there = pd.concat([table(evaluated, f"drop.{run}", layer) for run in RUNS])
    assert found["size_class"].value_counts().to_dict() == dict.fromkeys(there["size_class"], 3)
    assert set(found["size"]) <= set(there["size"])
    assert all(low <= high for low, high in pairwise(found["size_class"]))
    # Not all alike, and none of them nothing.
    assert found["drop"].nunique() == len(found)


def test_what_the_analysed_text_knows_is_no_training_text() -> None:
    held = "the graph of a game splits into coalitions and merges"
    pairs = [Pair("What is a GRAPH?", held), Pair("value", "persists")]
    positives = [
        Positive("1", "what is a graph", "layer"),
        Positive("2", "what is a neuron", f"A title: {held}!"),
        Positive("3", "what is a layer", "neurons are in it"),
    ]
    assert unseen(positives, pairs) == positives[2:]
