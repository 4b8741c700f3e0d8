"""Labels of the paper's term tasks, from one tokenisation (DESIGN §3.7)."""

import re
from collections import Counter

_WORD = re.compile(r"\w+")


def terms(text: str) -> list[str]:
    """Lower-cased runs of letters, digits and underscores, in order."""
    return _WORD.findall(text.lower())


def covered_query_term_ratio(query: str, passage: str) -> float:
    """CQTR: unique query terms that the passage holds, over unique query terms; 0 for an empty query."""
    asked = set(terms(query))
    return len(asked & set(terms(passage))) / len(asked) if asked else 0.0


def mean_tf_per_length(query: str, passage: str) -> float:
    """Mean-TF/L: how often the unique query terms occur in the passage, over its length in terms; 0 where it has none.

    It lies in [0, 1]: the share of the passage's terms that the query asks for.
    """
    held = Counter(terms(passage))
    return sum(held[term] for term in set(terms(query))) / held.total() if held else 0.0
