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


class Named:
    """A share of a longer bar: its remarks begin with a name, and closing it leaves the bar open."""

    def __init__(self, whole: Progress, name: str) -> None:
        self._whole = whole
        self._name = name
        whole.set_postfix_str(name)

    def update(self, steps: float = 1) -> None:
        """Advance the whole bar."""
        self._whole.update(steps)

    def set_postfix_str(self, remark: str) -> None:
        """Show the name and a remark at the end of the bar."""
        self._whole.set_postfix_str(f"{self._name}, {remark}")

    def close(self) -> None:
        """Leave the whole bar as it is."""


class Silent:
    """No bar at all."""

    def update(self, steps: float = 1) -> None:
        """Do nothing."""

    def set_postfix_str(self, remark: str) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def bar(
    label: str, total: float | None = None, items: Iterable[Any] | None = None, unit: str = "it", *, done: float = 0
) -> Any:
    """Return a tqdm bar on standard error that leaves one line behind; ``done`` of ``total`` was done before.

    It shows itself only after two seconds of work, so that quick stages stay silent.
    """
    from tqdm import tqdm

    class Bar(tqdm):
        def set_postfix_str(self, s: str = "", refresh: bool = False) -> None:
            # tqdm's own default draws the bar at once, whatever its delay.
            super().set_postfix_str(s, refresh)

    look: dict[str, Any] = {"delay": 2.0, "dynamic_ncols": True, "leave": True, "smoothing": 0}
    return Bar(items, desc=label, total=total, unit=unit, initial=done, **look)
