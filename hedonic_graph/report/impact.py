"""Table 1: what a coalition's ablation costs in another domain, and how far it follows a feature of the text."""

from collections.abc import Sequence

from hedonic_graph.report import reading, seeds
from hedonic_graph.report.coalitions import Contest, Figure, above, above_chance, contests, paper_records, records
from hedonic_graph.report.layout import By, Record, Table
from hedonic_graph.report.paper import paper_note
from hedonic_graph.report.sources import Source
from hedonic_graph.report.verdicts import Verdict, judge, untold

DROP, ALIGN = Figure("drop", "ood_drop", "OOD drop"), Figure("r2", "align_r2", "align. R2")
STAGES = {"drop": DROP, "alignment": ALIGN}

_KEYS = ("task", "method", "layer", "size", "model")

TIMES = 3.0
PUBLISHED_DROP = {"kmeans": (0.133, 0.026), "ward": (0.133, 0.033)}
"""Mean drop of PAS and of each clustering in the paper's Table 1."""
PUBLISHED_OVER_RANDOM = 0.92
"""How far PAS lies above random groups there, as a share of its drop."""
PUBLISHED_R2 = 0.49
"""How far the alignment of PAS lies above that of k-means there, on average."""
PUBLISHED_CHANCE = 0.56
"""And above that of random groups."""

_CLAIM_2 = (
    "ablating a hedonic coalition drops the metric 3-5 times more than a cluster; holds where the drop lies above that "
    "of random groups of equal size, of clusters of equal size, and of three times these (the published size counts "
    "as a share of the larger mean, as the unit is another)"
)
_CLAIM_3 = (
    "alignment R2 of 0.55-0.67 (PAS) against 0.11-0.18 (clusters); holds where R2 less that of k-means at equal size, "
    "and R2 less the 95 % level of chance, lie above zero"
)


def table(sources: Sequence[Source], *, by: By | None, paper: bool) -> tuple[Table, list[Verdict]]:
    """Return Table 1 and the verdicts on claims 2, 3 and 9; UserError where an analysis has neither figure."""
    reading.require(sources, list(STAGES))
    found: dict[tuple[object, ...], Record] = {}
    notes, verdicts = [], []
    for stage, figure in STAGES.items():
        rows = reading.coalitions(sources, stage)
        lacking = [source for source in sources if not any(rows["path"] == str(source.path))] if len(rows) else sources
        notes += [
            f"{figure.heading} of {source.path} is not known: "
            f"`hedonic-graph evaluate {source.path} --what {stage}` measures it"
            for source in lacking
        ]
        lines, said = records(rows, [figure], by=by)
        notes += said
        for line in lines:
            found.setdefault(tuple(line[name] for name in ("task", "method", "layer", "size", "model")), {}).update(
                line
            )
        for contest in contests(rows):
            verdicts += _drops(contest) if figure is DROP else [_aligns(contest)]
            verdicts.append(seeds.verdict(contest, figure))
    made = Table(
        "Table 1: OOD drop and alignment",
        rows=("task", "method", by) if by else ("task", "method"),
        columns=("model",),
        measures=(*DROP.measures, *ALIGN.measures),
        records=list(found.values()),
        notes=[
            "± is half a 95 % interval over coalitions, seeds and examples; in brackets the drop of random groups of "
            "the same size class, and the 95 % level of R2 by chance",
            *(_metrics(sources) if any(DROP.name in line for line in found.values()) else []),
            *notes,
            *paper_note(paper),
        ],
        paper=paper_records(1, [DROP, ALIGN], [source.task for source in sources]) if paper else [],
    )
    return made, verdicts


def _metrics(sources: Sequence[Source]) -> list[str]:
    metrics = {source.task: source.results.evaluated.get("metric") for source in sources}
    return [f"the drop of {task or 'no task'} is of {metric}" for task, metric in metrics.items() if metric]


def _drops(contest: Contest) -> list[Verdict]:
    return [_drop_over(contest, cluster) for cluster in PUBLISHED_DROP]


def _drop_over(contest: Contest, cluster: str) -> Verdict:
    hedonic, clusters = PUBLISHED_DROP[cluster]
    other = contest.rival(cluster)
    if other is None or contest.thin:
        return untold("2", _CLAIM_2, contest.about, contest.thin or f"no run of {cluster} beside it is evaluated")
    tests = [
        above_chance(
            contest.mine, "drop", "drop above random groups of equal size", PUBLISHED_OVER_RANDOM, relative=True
        ),
        *(
            above(
                contest.mine,
                contest.methods[other],
                "drop",
                f"drop less {factor:g} x that of {contest.called[other]}",
                hedonic - factor * clusters,
                relative_to=hedonic,
                times=factor,
            )
            for factor in (1.0, TIMES)
        ),
    ]
    return Verdict("2", _CLAIM_2, contest.about, *judge(tests))


def _aligns(contest: Contest) -> Verdict:
    other = contest.rival("kmeans")
    if other is None or contest.thin:
        return untold("3", _CLAIM_3, contest.about, contest.thin or "no run of kmeans beside it is evaluated")
    theirs, name = contest.methods[other], contest.called[other]
    tests = [
        above(contest.mine, theirs, "r2", f"R2 above {name}", PUBLISHED_R2),
        above_chance(contest.mine, "r2", "R2 above the 95 % level of chance", PUBLISHED_CHANCE),
    ]
    return Verdict("3", _CLAIM_3, contest.about, *judge(tests))
