"""The style against the schema, read as Neo4j Browser reads it."""

import re

from hedonic_graph.browser.style import ARROWS, CIRCLES, grass
from hedonic_graph.graph import schema


def rules() -> dict[str, dict[str, str]]:
    """Read GraSS: rules of selector and properties, each property of one name and one value."""
    found: dict[str, dict[str, str]] = {}
    for selector, block in re.findall(r"(\S+) \{\n(.*?)\n\}\n", grass(), re.DOTALL):
        properties = re.findall(r"  ([a-z-]+): (\"[^\":;]*\"|[^\":;\s]+);(?:\n|$)", block)
        assert len(properties) == len(block.splitlines())
        found[selector] = dict(properties)
    return found


def test_every_label_and_type_of_the_schema_has_a_rule_and_nothing_else_has() -> None:
    nodes = [f"node.{node.label}" for node in schema.NODES]
    assert list(rules()) == nodes + [f"relationship.{one.type}" for one in schema.RELATIONSHIPS]
    assert set(CIRCLES) == {node.label for node in schema.NODES}
    assert set(ARROWS) == {one.type for one in schema.RELATIONSHIPS}


def test_captions_name_properties_that_the_label_has() -> None:
    for node in schema.NODES:
        named = re.findall(r"\{(\w+)\}", rules()[f"node.{node.label}"]["caption"])
        assert named and set(named) <= {property.name for property in node.properties}
    for one in schema.RELATIONSHIPS:
        assert not re.search(r"[{}<>]", rules()[f"relationship.{one.type}"]["caption"])


def test_events_are_told_apart_and_stand_out_from_all_else() -> None:
    events = [ARROWS[type] for type in schema.EVENTS.values()]
    others = [look for type, look in ARROWS.items() if type not in schema.EVENTS.values()]
    assert len({look.color for look in events}) == len(events)
    assert not {look.color for look in events} & {look.color for look in others}
    assert min(look.width for look in events) > max(look.width for look in others)
    assert all(look.caption for look in events)


def test_captions_can_be_read_on_their_ground() -> None:
    """A contrast of 4.5, which is what WCAG asks of text; 3 for the bold names in the legend."""
    for circle in CIRCLES.values():
        assert contrast(circle.text, circle.color) >= 4.5
    for arrow in ARROWS.values():
        assert contrast(arrow.text, arrow.color) >= 3


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
