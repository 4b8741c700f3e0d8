"""Spherical k-means and Ward on activations."""

import numpy as np
import pytest
from game.games import as_sets
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.cluster import AgglomerativeClustering
from threadpoolctl import threadpool_limits

from hedonic_graph.errors import UserError
from hedonic_graph.game import clustering
from hedonic_graph.game.agreement import adjusted_rand
from hedonic_graph.game.clustering import spherical_kmeans, ward, ward_caveat
from hedonic_graph.game.partition import Partition

BOTH = pytest.mark.parametrize("solve", [spherical_kmeans, ward])
WHOLE = arrays.arrays(np.float32, st.tuples(st.integers(1, 12), st.integers(1, 4)), elements=st.integers(-2, 2))


def sets(*groups: set[int]) -> set[frozenset[int]]:
    return {frozenset(group) for group in groups}


def angles(*degrees: float) -> np.ndarray:
    turned = np.deg2rad(degrees)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def planted(n: int = 300, groups: int = 12, seed: int = 0) -> tuple[np.ndarray, Partition]:
    """Activations [n, 40] around a direction for each of a few well separated groups, and the groups."""
    random = np.random.default_rng(seed)
    labels = random.integers(groups, size=n)
    directions = np.linalg.qr(random.standard_normal((40, groups)))[0].T
    rows = directions[labels] + 0.03 * random.standard_normal((n, 40))
    return (rows * random.uniform(0.1, 50, (n, 1))).astype(np.float32), Partition.from_labels(labels)


@BOTH
def test_neurons_of_one_direction_are_together_however_strongly_they_fire(solve):
    rows = np.array([[1, 0], [0, 3], [200, 1], [0, 0.1]], np.float32)
    assert as_sets(solve(rows, 2)) == sets({0, 2}, {1, 3})


@BOTH
def test_opposite_signs_are_opposite(solve):
    # Constant activations: those of one sign are the same to the eye, those of the other as unlike as can be.
    rows = np.array([[2, 2, 2], [-1, -1, -1], [5, 5, 5], [-3, -3, -3]], np.float32)
    assert as_sets(solve(rows, 2)) == sets({0, 2}, {1, 3})


@BOTH
def test_silent_neurons_are_a_coalition_of_their_own(solve):
    rows = np.concatenate([angles(0, 1, 90, 91), np.zeros((2, 2), np.float32)])
    assert as_sets(solve(rows, 3)) == sets({0, 1}, {2, 3}, {4, 5})
    assert as_sets(solve(rows, 2)) == sets({0, 1, 2, 3}, {4, 5})
    assert as_sets(solve(rows, 1)) == sets({0, 1, 2, 3, 4, 5})
    assert as_sets(solve(rows, 6)) == sets({0}, {1}, {2}, {3}, {4, 5})
    assert as_sets(solve(np.zeros((3, 2), np.float32), 2)) == sets({0, 1, 2})


def test_wards_tree_by_hand():
    # 0 and 10 degrees are nearest, then 90 and 105. Branches of a and b neurons are sqrt(2ab / (a + b)) times the
    # distance of their means apart: 1.41 * 1.43 = 2.03 the two pairs, 1.15 * 1.83 = 2.11 the last from either.
    rows = angles(0, 10, 90, 105, 230)
    assert as_sets(ward(rows, 4)) == sets({0, 1}, {2}, {3}, {4})
    assert as_sets(ward(rows, 3)) == sets({0, 1}, {2, 3}, {4})
    assert as_sets(ward(rows, 2)) == sets({0, 1, 2, 3}, {4})


@pytest.mark.parametrize("n", [2, 3, 30, 70])
def test_ward_is_scikit_learns_on_the_directions(n, monkeypatch):
    monkeypatch.setattr(clustering, "_BLOCK", 17)
    rows = np.random.default_rng(n).standard_normal((n, 6)).astype(np.float32)
    rows64 = rows.astype(np.float64)
    directions = rows64 / np.linalg.norm(rows64, axis=1, keepdims=True)
    for clusters in {1, 2, n // 3 or 1, n - 1, n}:
        expected = AgglomerativeClustering(clusters).fit_predict(directions)
        assert (ward(rows, clusters).labels == Partition.from_labels(expected).labels).all()


@pytest.mark.parametrize("seed", range(5))
def test_kmeans_ends_with_everybody_nearest_to_its_own_mean_direction(seed, monkeypatch):
    monkeypatch.setattr(clustering, "_BLOCK", 17)
    rows = np.random.default_rng(seed).standard_normal((80, 5)).astype(np.float32)
    partition = spherical_kmeans(rows, 9, seed=seed)
    directions = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    means = np.stack([directions[members].sum(0) for members in partition.coalitions()])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    assert len(partition) == 9
    assert ((directions @ means.T).argmax(1) == partition.labels).all()


def test_a_cluster_that_lost_everybody_starts_again(monkeypatch):
    # Two of the three seeds are the same row, so one of them gets nobody.
    monkeypatch.setattr(clustering, "_seeds", lambda rows, clusters, random: [0, 0, 2])
    assert as_sets(spherical_kmeans(angles(0, 1, 90, 91, 200, 201), 3)) == sets({0, 1}, {2, 3}, {4, 5})


def test_kmeans_makes_no_more_coalitions_than_there_are_directions():
    # In float32 the cosine of a row with itself is not always 1.
    rows = np.repeat(np.random.default_rng(0).standard_normal((20, 64)).astype(np.float32), 10, axis=0)
    assert spherical_kmeans(rows, 60).sizes.tolist() == [10] * 20
    assert len(spherical_kmeans(np.array([[1, 1], [1, 1], [3, 3]], np.float32), 2)) == 1


@BOTH
def test_planted_groups_are_found_in_any_order_of_neurons_and_examples(solve):
    rows, groups = planted()
    found = solve(rows, len(groups))
    assert adjusted_rand(found, groups) == 1.0
    order, columns = np.random.default_rng(1).permutation(len(rows)), np.random.default_rng(2).permutation(40)
    permuted = solve(rows[order][:, columns], len(groups))
    assert (permuted.labels == Partition.from_labels(found.labels[order]).labels).all()


@settings(max_examples=60, deadline=None)
@given(rows=WHOLE, data=st.data())
def test_every_neuron_is_in_one_coalition_and_there_are_no_more_than_asked_for(rows, data):
    clusters = data.draw(st.integers(1, len(rows)))
    heard = rows.any(1)
    directions = len(np.unique(np.round(rows[heard] / np.linalg.norm(rows[heard], axis=1, keepdims=True), 4), axis=0))
    silent = int(not heard.all())
    by_kmeans, by_ward = spherical_kmeans(rows, clusters, seed=3), ward(rows, clusters)
    assert by_kmeans.n == by_ward.n == len(rows)
    assert len(by_ward) == min(clusters, heard.sum() + silent)
    assert len(by_kmeans) == min(clusters, directions + silent)


@settings(max_examples=20, deadline=None)
@given(n=st.integers(2, 30), seed=st.integers(0, 9), data=st.data())
def test_the_order_of_the_neurons_does_not_matter_to_ward(n, seed, data):
    rows = np.random.default_rng(seed).standard_normal((n, 7)).astype(np.float32)
    order = np.random.default_rng(seed + 1).permutation(n)
    clusters = data.draw(st.integers(1, n))
    expected = Partition.from_labels(ward(rows, clusters).labels[order])
    assert (ward(rows[order], clusters).labels == expected.labels).all()


def test_the_seed_decides():
    rows = np.random.default_rng(0).standard_normal((200, 5)).astype(np.float32)
    first, again, other = (spherical_kmeans(rows, 20, seed=seed).labels for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@BOTH
def test_neither_unit_nor_threads_matter(solve):
    rows = np.random.default_rng(4).standard_normal((1500, 64)).astype(np.float32)
    with threadpool_limits(1):
        one = solve(rows, 40).labels
    with threadpool_limits(2):
        two = solve(rows * np.float32(2**-20), 40).labels
    assert (one == two).all()


def test_beyond_the_limit_ward_joins_neighbours_and_says_so(monkeypatch):
    rows, groups = planted()
    assert ward_caveat(len(rows)) is None
    monkeypatch.setattr(clustering, "EXACT_WARD", 299)
    monkeypatch.setattr(clustering, "_distances", None)
    assert adjusted_rand(ward(rows, len(groups)), groups) == 1.0
    assert ward_caveat(299) is None
    said = "Ward joined neurons along each one's 10 nearest only: it is exact for up to 299 neurons"
    assert ward_caveat(300) == said
    monkeypatch.setattr(clustering, "EXACT_WARD", 1)
    assert as_sets(ward(angles(0, 1, 90, 91), 2)) == sets({0, 1}, {2, 3})


@BOTH
@pytest.mark.parametrize(
    ("rows", "clusters", "message"),
    [
        (np.ones((3, 2), np.float32), 4, "3 neurons cannot make 4 coalitions"),
        (np.ones((3, 2), np.float32), 0, "3 neurons cannot make 0 coalitions"),
        (np.ones((0, 2), np.float32), 1, r"finite numbers \[n, B\] with n >= 1; got \[0, 2\]"),
        (np.ones(3, np.float32), 1, r"got \[3\]"),
        (np.array([[1.0, np.nan]], np.float32), 1, "finite"),
        (np.array([[1.0, np.inf]], np.float32), 1, "finite"),
    ],
)
def test_bad_input_is_refused(solve, rows, clusters, message):
    with pytest.raises(UserError, match=message):
        solve(rows, clusters)


def test_a_bad_seed_is_refused():
    with pytest.raises(UserError, match="seed must be at least 0"):
        spherical_kmeans(np.ones((3, 2), np.float32), 1, seed=-1)
