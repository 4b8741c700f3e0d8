"""One layer step: every pair of coalitions of two layers, its numbers, its event, and what chance would give."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from hedonic_graph.errors import UserError
from hedonic_graph.game.partition import Partition
from hedonic_graph.lineage import shares as share
from hedonic_graph.lineage.events import EVENTS, HIGH, Kind, classify, fates, origins
from hedonic_graph.lineage.mass import pair_flow, pair_mass
from hedonic_graph.lineage.matching import maximum_matching
from hedonic_graph.lineage.membership import Membership, kept_labels
from hedonic_graph.lineage.shares import SHARES
from hedonic_graph.lineage.significance import standardise, z_scores

Z_MIN = 3.0
"""Standard deviations from random neurons from which on a flow is beyond chance."""


@dataclass(frozen=True, eq=False)
class LayerStep:
    """Lineage from S kept source coalitions to T kept target coalitions of the next layer (DESIGN §3.6).

    Rows and columns of the [S, T] arrays are positions in ``source`` and ``target``.
    """

    source: np.ndarray
    """Coalition ids, int32 [S]: those followed."""
    target: np.ndarray
    """Coalition ids, int32 [T]."""
    mass: np.ndarray
    """Size-normalised interaction mass, float32 [S, T]."""
    flow: np.ndarray
    """mass * |C||C'|, float32 [S, T]."""
    alpha: np.ndarray
    """Share of the source's output, float32 [S, T], by the rule ``shares``."""
    beta: np.ndarray
    """Share of the target's input, float32 [S, T]."""
    lift: np.ndarray
    """Flow over what row and column totals let expect, float32 [S, T]."""
    z: np.ndarray
    """Distance from random neurons in standard deviations, float32 [S, T]; NaN where undefined."""
    matched: np.ndarray
    """Position of the target matched to each source, int32 [S]; -1 where none."""
    event: np.ndarray
    """``Kind`` of each edge, int8 [S, T]: none, persist, split or merge."""
    fate: np.ndarray
    """``Kind`` of each source, int8 [S]: persist, split, merge or vanish."""
    origin: np.ndarray
    """``Kind`` of each target, int8 [T]: persist, split, merge or emerge; none in place of emerge where sources
    were left out, one of which may feed it."""
    counts: dict[str, int]
    """``edges`` (S*T), ``significant`` (z >= Z_MIN), sources by fate (``persist``, ``split``, ``merge``,
    ``vanish``: they add up to S), targets that ``emerge`` (no such count where sources were left out), and edges by
    class (``persists_as``, ``splits_into``, ``merges_into``)."""
    chance: dict[str, float]
    """Mean of the same counts over shuffles of the targets' membership; empty where none were asked for."""
    left_out: int = 0
    """Source coalitions of the smallest size or more that are not followed: there were more than ``largest``."""


@torch.no_grad()
def track(
    flows: torch.Tensor,
    source: Partition,
    target: Partition,
    *,
    min_size: int = 2,
    largest: int | None = None,
    shares: str = "excess",
    events: str = "excess",
    shuffles: int = 20,
    seed: int = 0,
) -> LayerStep:
    """Follow the coalitions of ``source`` (layer l) into those of ``target`` (layer l+1).

    ``flows`` [S_all, n'] is what each source coalition sends into each target neuron (``mass``), row i for
    coalition i; rows of coalitions that are no sources may be missing. Coalitions smaller than ``min_size`` are
    no sources and no targets, but the neurons of small targets stay in all totals over target neurons and in the
    random draws behind z. Only the ``largest`` coalitions are sources, all of them where that is None; of the
    others nothing is known, so they have no row, no edge and no fate; totals over sources, as in beta, lift and z,
    are of those followed, and a target that none of these feeds is not said to emerge.

    ``shares`` is excess, relative or flow. With ``events="excess"`` any edge with a share of ``HIGH`` or more is an
    event (under excess shares that takes z >= ``Z_MIN``); with ``"matched"``, the paper's rule, only edges of the
    maximum-weight matching. Each of the ``shuffles`` permutes the target labels over all n' neurons, by
    ``seed``. Runs on the device of ``flows``. Raises UserError for option values that do not exist and for
    flows that do not fit the partitions or are negative or not finite.
    """
    _check_options(min_size, shares, events, shuffles)
    source_labels, target_labels = kept_labels(source, min_size, largest), kept_labels(target, min_size)
    kept, targets = int(source_labels.max(initial=-1)) + 1, int(target_labels.max(initial=-1)) + 1
    if flows.ndim != 2 or flows.shape[1] != target.n or not kept <= len(flows) <= len(source):
        raise UserError(
            f"flows {tuple(flows.shape)} do not fit {len(source)} source coalitions and {target.n} target neurons"
        )
    left_out = int((source.sizes >= min_size).sum()) - kept
    if not kept or not targets:
        return _nothing_to_follow(kept, targets, shuffles, left_out)
    sources = Sources(flows[:kept], Membership(source_labels, flows.device).sizes)
    rule = _Rule(shares, events)
    pairs = rule.judge(sources, Membership(target_labels, flows.device))
    matched = pairs.matched
    if matched is None:
        matched = maximum_matching(_numpy(pairs.mass))
    chance = [
        rule.judge(sources, Membership(labels, flows.device)).counts()
        for labels in _shuffled(target_labels, shuffles, seed)
    ]
    expected = share.expected_flow(pairs.flow, sources.output)
    origin, counts = _numpy(origins(pairs.event)), pairs.counts()
    if left_out:
        origin[origin == Kind.EMERGE] = Kind.NONE
        for one in (counts, *chance):
            del one["emerge"]
    return LayerStep(
        source=np.arange(kept, dtype=np.int32),
        target=np.arange(targets, dtype=np.int32),
        mass=_numpy(pairs.mass),
        flow=_numpy(pairs.flow),
        alpha=_numpy(pairs.alpha),
        beta=_numpy(pairs.beta),
        lift=_numpy(share.lift(pairs.flow, expected)),
        z=_numpy(pairs.z),
        matched=matched,
        event=_numpy(pairs.event),
        fate=_numpy(fates(pairs.event)),
        origin=origin,
        counts=counts,
        chance={name: float(np.mean([one[name] for one in chance])) for name in chance[0]} if chance else {},
        left_out=left_out,
    )


def edge_table(step: LayerStep, keep: int = 20) -> pd.DataFrame:
    """Return the edges that go into the graph, by source and then target (DESIGN §3.6).

    Those matched, those with an event, those with z >= ``Z_MIN``, and the ``keep`` of largest mass of each
    source and of each target (of equal masses, the first). Columns ``source``, ``target`` (coalition ids), ``mass``,
    ``flow``, ``alpha``, ``beta``, ``lift``, ``z`` (NaN where undefined), ``matched`` (bool), ``event``
    (persist, split, merge or None).
    """
    matched = np.zeros(step.mass.shape, dtype=bool)
    taken = np.flatnonzero(step.matched >= 0)
    matched[taken, step.matched[taken]] = True
    chosen = matched | (step.event != Kind.NONE) | (step.z >= Z_MIN)
    chosen |= _strongest(step.mass, keep) | _strongest(step.mass.T, keep).T
    row, column = np.nonzero(chosen)
    labels = np.array([kind.label for kind in Kind], dtype=object)
    numbers = {name: getattr(step, name)[row, column] for name in ("mass", "flow", "alpha", "beta", "lift", "z")}
    return pd.DataFrame(
        {
            "source": step.source[row],
            "target": step.target[column],
            **numbers,
            "matched": matched[row, column],
            # Without the explicit dtype pandas 3 makes it a string column and None a NaN.
            "event": pd.Series(labels[step.event[row, column]], dtype=object),
        }
    )


class Sources:
    """What the shuffles share: flows with target neurons first [n', S], their standard form, and output [S]."""

    def __init__(self, flows: torch.Tensor, sizes: torch.Tensor):
        self.inflow = flows.float().T.contiguous()
        if not bool((self.inflow >= 0).all()) or not bool(torch.isfinite(self.inflow).all()):
            raise UserError("flows must be finite and not negative; compute them with hedonic_graph.lineage.mass")
        self.sizes = sizes
        self.output = self.inflow.sum(0)
        self.standard = standardise(self.inflow)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """All pairs of coalitions under one membership of the targets; tensors [S, T]."""

    flow: torch.Tensor
    mass: torch.Tensor
    z: torch.Tensor
    alpha: torch.Tensor
    beta: torch.Tensor
    event: torch.Tensor
    matched: np.ndarray | None
    significant: int

    def counts(self) -> dict[str, int]:
        by_fate, by_event = _tally(fates(self.event)), _tally(self.event)
        return {
            "edges": self.event.numel(),
            "significant": self.significant,
            "persist": by_fate[Kind.PERSIST],
            "split": by_fate[Kind.SPLIT],
            "merge": by_fate[Kind.MERGE],
            "vanish": by_fate[Kind.VANISH],
            "emerge": _tally(origins(self.event))[Kind.EMERGE],
            "persists_as": by_event[Kind.PERSIST],
            "splits_into": by_event[Kind.SPLIT],
            "merges_into": by_event[Kind.MERGE],
        }


@dataclass(frozen=True)
class _Rule:
    shares: str
    events: str

    def judge(self, sources: Sources, target: Membership) -> _Pairs:
        flow = pair_flow(sources.inflow.T, target)
        mass = pair_mass(flow, sources.sizes, target.sizes)
        z = z_scores(sources.standard, target)
        alpha, beta = self._shares(flow, mass, z, sources.output)
        matched = eligible = None
        if self.events == "matched":
            matched = maximum_matching(_numpy(mass))
            partner = torch.from_numpy(matched).to(mass.device)
            eligible = partner[:, None] == torch.arange(target.count, device=mass.device)
        event = classify(alpha, beta, HIGH, eligible)
        return _Pairs(flow, mass, z, alpha, beta, event, matched, int(torch.count_nonzero(z >= Z_MIN)))

    def _shares(
        self, flow: torch.Tensor, mass: torch.Tensor, z: torch.Tensor, output: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self.shares == "excess":
            return share.excess_shares(flow, share.expected_flow(flow, output), z, Z_MIN)
        if self.shares == "relative":
            return share.relative_shares(mass)
        return share.flow_shares(flow, output)


def _check_options(min_size: int, shares: str, events: str, shuffles: int) -> None:
    if shares not in SHARES:
        raise UserError(f"shares must be one of {', '.join(SHARES)}; got {shares!r}")
    if events not in EVENTS:
        raise UserError(f"events must be one of {', '.join(EVENTS)}; got {events!r}")
    if min_size < 1:
        raise UserError(f"min_size must be 1 or more; got {min_size}")
    if shuffles < 0:
        raise UserError(f"shuffles must be 0 or more; got {shuffles}")


def _nothing_to_follow(sources: int, targets: int, shuffles: int, left_out: int) -> LayerStep:
    """Every source vanishes and every target emerges, by chance as well."""
    pairs = np.zeros((sources, targets), dtype=np.float32)
    names = ("edges", "significant", "persist", "split", "merge", "vanish", "emerge")
    counts = dict.fromkeys((*names, "persists_as", "splits_into", "merges_into"), 0)
    counts |= {"vanish": sources, "emerge": targets}
    if left_out:
        del counts["emerge"]
    return LayerStep(
        source=np.arange(sources, dtype=np.int32),
        target=np.arange(targets, dtype=np.int32),
        mass=pairs,
        flow=pairs,
        alpha=pairs,
        beta=pairs,
        lift=pairs,
        z=pairs,
        matched=np.full(sources, -1, dtype=np.int32),
        event=pairs.astype(np.int8),
        fate=np.full(sources, Kind.VANISH, dtype=np.int8),
        origin=np.full(targets, Kind.EMERGE, dtype=np.int8),
        counts=counts,
        chance={name: float(count) for name, count in counts.items()} if shuffles else {},
        left_out=left_out,
    )


def _shuffled(labels: np.ndarray, shuffles: int, seed: int) -> Iterator[np.ndarray]:
    # numpy draws them, so that a seed means the same shuffles on every device.
    generator = np.random.default_rng(seed)
    for _ in range(shuffles):
        yield generator.permutation(labels)


def _strongest(mass: np.ndarray, keep: int) -> np.ndarray:
    """Mark the ``keep`` largest of each row, bool like ``mass``; of equal ones the first."""
    if keep >= mass.shape[1]:
        return np.ones(mass.shape, dtype=bool)
    if keep < 1:
        return np.zeros(mass.shape, dtype=bool)
    least = np.partition(mass, -keep, axis=1)[:, [-keep]]
    above, tied = mass > least, mass == least
    room = keep - above.sum(1, keepdims=True)
    return above | (tied & (np.cumsum(tied, axis=1) <= room))


def _tally(kinds: torch.Tensor) -> list[int]:
    # Not by bincount, which wants eight bytes of each.
    return [int(torch.count_nonzero(kinds == kind)) for kind in Kind]


def _numpy(values: torch.Tensor) -> np.ndarray:
    return values.cpu().contiguous().numpy()
