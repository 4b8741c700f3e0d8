"""Leave passages out of a training text that occur in another one."""

from collections.abc import Iterable, Sequence

from hedonic_graph.text.labels import terms
from hedonic_graph.text.positives import Positive

RUN = 5
"""Terms in a run."""
SHARE = 0.3
"""Share of a passage's runs of terms that make a positive count as that passage."""


def without(positives: Sequence[Positive], passages: Iterable[str]) -> list[Positive]:
    """Those positives that hold none of ``passages``.

    A positive holds a passage when it has at least three tenths of its runs of five terms. Equality would miss
    most: MS MARCO's positives carry a page title in front, and the same passage is punctuated, cut or spelled
    otherwise in other releases. (dev-small and DL-19 share 44 passages by their ids; 5 are equal as text, 20
    are contained, 45 are found this way.) It errs on the side of leaving too much out, such as pages made from
    the same template.
    """
    holders: dict[tuple[str, ...], list[int]] = {}
    for number, positive in enumerate(positives):
        for run in _runs(positive.passage):
            holders.setdefault(run, []).append(number)
    out: set[int] = set()
    for passage in passages:
        runs = _runs(passage)
        shared: dict[int, int] = {}
        for run in runs:
            for number in holders.get(run, ()):
                shared[number] = shared.get(number, 0) + 1
        out |= {number for number, count in shared.items() if count >= SHARE * len(runs)}
    return [positive for number, positive in enumerate(positives) if number not in out]


def _runs(text: str) -> set[tuple[str, ...]]:
    words = terms(text)
    return {tuple(words[start : start + RUN]) for start in range(max(len(words) - RUN + 1, 1))}
