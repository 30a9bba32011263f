"""The status lines: what a button did or refused, where the button is; `layout.ANNOUNCE` has them read aloud."""

from __future__ import annotations

import re
import time
from html import escape

from munet.errors import RequestError
from mustango_app.page.fields import refusal
from mustango_app.page.words import Words

_PATH = re.compile(r"'(?:/|[A-Za-z]:\\)[^']*[/\\]([^'/\\]*)'")


def status(text: str, kind: str = "") -> str:
    """Return a status line. Each is another, so that a sentence that is said twice is announced twice."""
    return f'<p class="{kind}" data-at="{time.time_ns()}">{escape(text)}</p>'


def refused(error: RequestError, words: Words) -> str:
    """Return the status line of a refusal, which names an uploaded file but not where this server keeps it."""
    return status(refusal(without_folders(error), words)[1], "wrong")


def without_folders(error: RequestError) -> RequestError:
    """Return a refusal with the names of files alone, where it told their whole paths."""
    return RequestError(_PATH.sub(r"'\1'", str(error)))
