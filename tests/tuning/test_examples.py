"""What is trained on: held-out queries, examples with labels that vary, and what is left out."""

import random
import statistics
from collections import Counter
from pathlib import Path

import pytest
from tuning.making import small

from hedonic_graph.errors import UserError
from hedonic_graph.text.labels import covered_query_term_ratio
from hedonic_graph.text.positives import Positive, read_positives
from hedonic_graph.tuning.examples import _blend, build, shuffled, split
from hedonic_graph.tuning.overlap import without


def test_held_out_queries_share_no_query_and_no_passage_with_training(positives: Path) -> None:
    found = read_positives(positives)
    # A passage that answers two queries goes to the held-out ones with whichever of them is.
    doubled = [*found, *(Positive(f"again {one.qid}", f"{one.query} again", one.passage) for one in found)]
    parts = split(doubled, small(Path(), positives))
    assert len(parts.held_out) == 6
    assert {one.passage for one in parts.train}.isdisjoint(one.passage for one in parts.held_out)
    assert {one.qid for one in parts.train}.isdisjoint(one.qid for one in parts.held_out)
    assert len(parts.train) >= len(doubled) - 2 * 6
    assert split(doubled, small(Path(), positives)) == parts
    assert split(doubled, small(Path(), positives, seed=1)) != parts


def test_term_examples_take_the_own_passage_and_others(positives: Path) -> None:
    found = read_positives(positives)
    examples = build(found, small(Path(), positives, others=3, blends=0))
    assert len(examples) == 4 * len(found)
    labels = [one.labels[0] for one in examples]
    assert labels == [covered_query_term_ratio(one.query, one.passages[0]) for one in examples]
    assert statistics.pstdev(labels) > 0.2
    known = {one.passage for one in found}
    for start, one in zip(range(0, len(examples), 4), found, strict=True):
        passages = [example.passages[0] for example in examples[start : start + 4]]
        assert passages[0] == one.passage
        assert len(set(passages)) == 4
        assert set(passages) <= known


def test_others_are_near_ones_for_the_most_part() -> None:
    found = [Positive(str(one), f"word{one // 4}", f"word{one // 4} page{one}") for one in range(80)]
    examples = build(found, small(Path(), Path(), others=3, near=3, blends=0))
    same = Counter(labels for one in examples[1:] for labels in one.labels)
    # Of four passages three hold the query's word: the own one and two near ones; the fourth is any.
    assert same[1.0] >= 3 * 80 - 1


def test_blends_are_own_passages_under_queries_that_are_partly_strange(positives: Path) -> None:
    found = read_positives(positives)
    examples = build(found, small(Path(), positives, others=1, blends=20))
    assert len(examples) == 22 * len(found)
    strange = {word for one in found for word in one.query.split()}
    for start, one in zip(range(0, len(examples), 22), found, strict=True):
        own, run = one.query.split(), one.passage.split()
        kept = 0
        for blend in examples[start + 2 : start + 22]:
            assert blend.passages == (one.passage,)
            assert blend.labels == (covered_query_term_ratio(blend.query, one.passage),)
            words = blend.query.split()
            assert len(words) == min(len(own), len(run))
            runs = [run[at : at + len(words)] for at in range(len(run) - len(words) + 1)]
            # Each word stands where it stood in the query or in a run of the passage, or comes from some query.
            bases = [own, *runs]
            assert any(all(a == b or a in strange for a, b in zip(words, base, strict=True)) for base in bases)
            kept += words == own
        assert kept < 20
    counts = Counter(round(label, 2) for one in examples for label in one.labels)
    assert min(counts[0.0], counts[0.33], counts[0.67], counts[1.0]) > 20


def test_a_blend_replaces_any_number_of_words() -> None:
    own = Positive("q", "a b c d", "e f g h")
    draw = random.Random(0)
    blends = [_blend(draw, own, "x y").split() for _ in range(400)]
    left = Counter("".join(word if word not in "xy" else "." for word in words) for words in blends)
    assert len({sum(word not in "xy" for word in words) for words in blends}) == 5
    assert (
        left["abcd"] > 20
        and left["efgh"] > 20
        and left["...."] > 40
        and not any("a" in one and "f" in one for one in left)
    )


def test_ranking_examples_put_the_positive_among_negatives(positives: Path) -> None:
    found = read_positives(positives)
    for example, one in zip(build(found, small(Path(), positives, task="rm")), found, strict=True):
        assert example.passages[0] == one.passage
        assert example.labels == (1.0, 0.0, 0.0, 0.0)
        assert len(set(example.passages)) == 4


def test_shuffled_labels_are_a_permutation(positives: Path) -> None:
    found = read_positives(positives)
    examples = build(found, small(Path(), positives))
    mixed = shuffled(examples, 0)
    assert Counter(one.labels for one in mixed) == Counter(one.labels for one in examples)
    assert [(one.query, one.passages) for one in mixed] == [(one.query, one.passages) for one in examples]
    assert sum(one.labels != other.labels for one, other in zip(mixed, examples, strict=True)) > len(examples) / 2
    assert shuffled(examples, 0) == mixed
    ranked = build(found, small(Path(), positives, task="rm"))
    places = Counter(one.labels.index(1.0) for one in shuffled(ranked, 0))
    assert set(places) == {0, 1, 2, 3}
    assert all(sorted(one.labels) == [0, 0, 0, 1] for one in shuffled(ranked, 0))


def test_what_cannot_be_trained_on_is_refused() -> None:
    same = [Positive(str(one), "red", f"red {'blue ' * one}") for one in range(20)]
    with pytest.raises(UserError, match="the cqtr label is 1 for every example"):
        build(same, small(Path(), Path()))
    with pytest.raises(UserError, match="3 queries are too few to hold 6 out"):
        split(same[:3], small(Path(), Path()))
    with pytest.raises(UserError, match="3 different passages are too few to draw 3 others"):
        build(same[:3], small(Path(), Path()))


def test_a_positive_that_holds_a_passage_is_left_out() -> None:
    passage = "The acyclovir pill (Zovirax) is used against herpes, and works within a few days."
    found = [
        Positive("equal", "q", passage),
        Positive("titled", "q", f"All about Zovirax. {passage.lower().replace('(', '')}"),
        Positive("half", "q", "It is told that the acyclovir pill zovirax is used against herpes"),
        Positive("other", "q", "The spruce is used for masts, and grows within a few decades to its height."),
    ]
    assert [one.qid for one in without(found, [passage])] == ["other"]
    assert without(found, []) == found
    short = [Positive("short", "q", "two words"), Positive("longer", "q", "two words more and then some")]
    assert [one.qid for one in without(short, ["Two words!"])] == ["longer"]
