"""Progress bars for work that takes longer than two seconds."""

from collections.abc import Iterable
from typing import Any, Protocol


class Progress(Protocol):
    """What the rooms know of a progress bar: it takes steps and a short remark, and is closed at the end."""

    def update(self, steps: float = 1) -> Any:
        """Advance by ``steps``."""

    def set_postfix_str(self, remark: str) -> Any:
        """Show a short remark at the end of the bar."""

    def close(self) -> Any:
        """Finish the bar."""


def bar(label: str, total: float | None = None, items: Iterable[Any] | None = None, unit: str = "it") -> Any:
    """Return a tqdm bar on standard error that leaves one line behind.

    It shows itself only after two seconds of work, so that quick stages stay silent.
    """
    from tqdm import tqdm

    return tqdm(items, desc=label, total=total, unit=unit, delay=2.0, dynamic_ncols=True, leave=True)
