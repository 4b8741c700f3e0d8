"""Keep what the libraries say while they load off the user's terminal."""

import contextlib
import logging
import warnings
from collections.abc import Iterator

from transformers.utils import logging as transformers_logging


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings, progress bars and the logs of ``transformers`` and ``gguf``."""
    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    root = logging.getLogger("gguf")
    before, root.level = root.level, logging.ERROR
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.level = before
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
