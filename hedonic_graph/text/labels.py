"""Labels of the paper's term tasks, from one tokenisation (DESIGN §3.7)."""

import re

_WORD = re.compile(r"\w+")


def terms(text: str) -> list[str]:
    """Lower-cased runs of letters, digits and underscores, in order."""
    return _WORD.findall(text.lower())


def covered_query_term_ratio(query: str, passage: str) -> float:
    """CQTR: unique query terms that the passage holds, over unique query terms; 0 for an empty query."""
    asked = set(terms(query))
    return len(asked & set(terms(passage))) / len(asked) if asked else 0.0
