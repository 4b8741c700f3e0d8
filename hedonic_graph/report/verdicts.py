"""What the numbers let one say of a claim: holds here, does not, cannot tell."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from hedonic_graph.report.estimates import Estimate

Word = Literal["holds here", "does not", "cannot tell"]
POWER = 0.8
"""Below this chance of seeing the published effect nothing is said of a claim."""


@dataclass(frozen=True)
class Verdict:
    """One published claim, held against one method of one model and task."""

    claim: str
    """Its number in the list of claims, and which part of it: ``1 Pair``."""
    says: str
    """What the paper says, and by which rule it is judged."""
    of: str
    """The method, task and model at hand."""
    verdict: Word
    reason: str
    """Why, with the numbers."""
    numbers: dict[str, Any] = field(default_factory=dict)
    """The numbers it rests on, for programs."""

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON has it."""
        return asdict(self)


@dataclass(frozen=True)
class Test:
    """A difference that a claim says lies above zero, by so much."""

    what: str
    """The difference in words, such as ``Pair above K-means``."""
    found: Estimate
    published: float
    """The published size of it, in the unit at hand; NaN where it cannot be put into that unit."""

    @property
    def power(self) -> float:
        """Chance to see a difference of the published size."""
        return self.found.power(self.published)

    @property
    def unclear(self) -> str:
        """Why nothing can be said, or nothing."""
        found = self.found
        if found.coalitions == 0:
            return f"{self.what}: nothing to compare at equal size"
        if math.isnan(found.error):
            return f"{self.what}: one coalition of each size tells nothing of how they vary"
        if self.power < POWER:
            size = f"an effect of the published size ({self.published:+.3g})"
            return f"{self.shown}: {size} would be seen with a power of {self.power:.0%}"
        return ""

    @property
    def shown(self) -> str:
        """The difference with its interval."""
        return f"{self.what} {self.found.mean:+.3g} [{self.found.low:+.3g}, {self.found.high:+.3g}]"

    def numbers(self) -> dict[str, Any]:
        """For programs."""
        return {"of": self.what, **self.found.numbers(), "published": self.published, "power": self.power}


def judge(tests: Sequence[Test]) -> tuple[Word, str, dict[str, Any]]:
    """Return the verdict of a claim that says that all differences lie above zero.

    It holds where every 95 % interval does, and does not where one excludes what is claimed: where it lies below
    zero, or holds zero and lies below the published size. A test of too little power says nothing; where another
    one fails, the claim fails all the same.
    """
    numbers = {"tests": [test.numbers() for test in tests]}
    clear = [test for test in tests if not test.unclear]
    for test in clear:
        if test.found.high < 0:
            return "does not", f"{test.shown} lies below zero", numbers
        if test.found.low <= 0 and test.found.high < test.published:
            excluded = f"holds zero and not the published {test.published:+.3g} (power {test.power:.0%})"
            return "does not", f"{test.shown} {excluded}", numbers
    for test in tests:
        if test.unclear:
            return "cannot tell", test.unclear, numbers
        if test.found.low <= 0:
            return "cannot tell", f"{test.shown} holds zero", numbers
    powers = f"published {', '.join(f'{test.published:+.3g}' for test in tests)}"
    return "holds here", f"{'; '.join(test.shown for test in tests)} ({powers})", numbers


def untold(claim: str, says: str, of: str, reason: str) -> Verdict:
    """Return the verdict on what is not there to judge."""
    return Verdict(claim, says, of, "cannot tell", reason)
