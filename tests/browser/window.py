"""A window of Neo4j Browser in headless Chromium, handled as a person does."""

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neo4j_server.server import Neo4jServer
    from playwright.sync_api import Locator, Page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# A name that is no address is not looked up: Browser asks for fonts and statistics elsewhere.
LOOPBACK_ONLY = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
WITHIN = 60_000.0
"""Milliseconds to wait for anything, on a busy machine."""
ANSWER = re.compile(r"Displaying \d+ nodes|Started streaming|no records|Successfully set|ERROR")


def missing() -> str | None:
    """Say what this machine lacks to show Neo4j Browser, None where it has all of it."""
    if find_spec("playwright") is None:
        return "Neo4j Browser is shown by the package playwright: it is not installed"
    if not any(map(shutil.which, PROGRAMS)):
        return "Neo4j Browser is shown in Chromium: there is none"
    return None


PATIENCE = 120
"""Half seconds to wait for a drawing."""


@dataclass(frozen=True)
class Drawing:
    """A graph as it is drawn."""

    circles: Counter[tuple[str, str]]
    """How often each caption stands on each colour."""
    arrows: Counter[str]
    """How often there is each colour."""
    captions: set[tuple[str, str]]
    """The captions of arrows with their colours; a caption is cut off, to nothing even, where the arrow is short."""


@contextmanager
def window(server: "Neo4jServer") -> Iterator["Window"]:
    """Open Neo4j Browser and log in."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, PROGRAMS)))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=[LOOPBACK_ONLY], timeout=WITHIN)
        page = chromium.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(WITHIN)
        bolt = server.uri.replace("://", f"://{server.user}@")
        page.goto(f"{server.http}/browser/?dbms={bolt}")
        page.get_by_test_id("password").fill(server.password)
        page.get_by_test_id("connect").click()
        page.get_by_text("You are connected as user").wait_for()
        yield Window(page)
        chromium.close()


class Window:
    """Logged in. Its newest frame, at the top, shows the last answer."""

    def __init__(self, page: "Page"):
        self.page = page
        self._session = page.context.new_cdp_session(page)
        page.evaluate(
            "window.drags = [];"
            "for (const type of ['dragenter', 'dragover', 'drop'])"
            " document.addEventListener(type, () => window.drags.push(type), true)"
        )

    @property
    def frame(self) -> "Locator":
        """The newest frame."""
        return self.page.get_by_test_id("frame").first

    def drop(self, path: Path) -> None:
        """Drag a file onto the page, as from a file manager, and let go when the page shows that it takes it.

        What comes to lie below the file is entered by it first, and takes it only after that; where the page
        changes at the last moment, a person would try again.
        """
        while not self._dropped(path):
            pass
        self.page.locator(".filedrop:not(.has-file-hovering)").wait_for()

    def _dropped(self, path: Path) -> bool:
        self._drag("dragEnter", path)
        self.page.locator(".filedrop.has-file-hovering").wait_for()
        while self._drag("dragOver", path) != "dragover":
            pass
        return self._drag("drop", path) == "drop"

    def _drag(self, type: str, path: Path) -> str:
        """Send one event of dragging and return the last that the page has seen of it."""
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        self.page.evaluate("window.drags = []")
        self._session.send("Input.dispatchDragEvent", {"type": type, "x": 700, "y": 600, "data": data})
        for _ in range(100):
            seen = self.page.evaluate("window.drags")
            if (seen and type != "drop") or "drop" in seen:
                break
            self.page.wait_for_timeout(50)
        return str(seen[-1]) if seen else ""

    def open_favourites(self) -> None:
        self.page.get_by_test_id("navigationFavorites").click()

    def open_folder(self, name: str) -> None:
        self.page.get_by_test_id(f"expandFolder-{name}").click()

    def titles(self) -> list[str]:
        """The favourites that can be seen, from the top."""
        self.page.get_by_test_id("savedScriptListItem").first.wait_for()
        return self.page.get_by_test_id("savedScriptListItem").all_inner_texts()

    def run(self, title: str) -> str:
        """Run a favourite by the arrow at its title, and return its answer as text."""
        item = self.page.get_by_test_id("savedScriptListItem").filter(
            has=self.page.get_by_test_id(f"scriptTitle-{title}")
        )
        return self._answer(item.get_by_test_id("savedScriptsButton-Run"))

    def enter(self, command: str) -> str:
        """Type a command into the editor, run it, and return its answer as text."""
        self.page.get_by_test_id("activeEditor").click()
        self.page.keyboard.type(command)
        return self._answer(self.page.get_by_test_id("editor-Run"))

    def _answer(self, button: "Locator") -> str:
        self.frame.evaluate("frame => frame.dataset.seen = 'yes'")
        button.click()
        frame = self.page.locator("article[data-testid=frame]:not([data-seen])").filter(has_text=ANSWER)
        frame.wait_for()
        return frame.get_by_test_id("frameContents").inner_text()

    def drawing(self) -> Drawing:
        """Read the graph in the newest frame, once its circles are at rest: arrows too short have no caption."""
        svg = self.frame.locator("svg.neod3viz")
        svg.locator("g.node").first.wait_for()
        places = None
        for _ in range(PATIENCE):
            before, places = (
                places,
                svg.locator("g.node").evaluate_all("nodes => nodes.map(one => one.getAttribute('transform'))"),
            )
            if places == before:
                break
            self.page.wait_for_timeout(500)
        else:
            raise TimeoutError("the drawing does not come to rest")
        arrows = _captioned(svg, "g.relationship")
        return Drawing(Counter(_captioned(svg, "g.node")), Counter(color for _, color in arrows), set(arrows))


def _captioned(svg: "Locator", things: str) -> list[tuple[str, str]]:
    found = svg.locator(things).evaluate_all(
        "things => things.map(one => ["
        "[...one.querySelectorAll('text')].map(text => text.textContent.trim()).join(' '),"
        " one.querySelector('.b-outline').getAttribute('fill')])"
    )
    return [(caption.removesuffix("…"), color) for caption, color in found]
