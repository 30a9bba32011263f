"""The status lines: what a button did or refused, where the button is; `layout.ANNOUNCE` has them read aloud.

A fault of the program is told there, too, in the visitor's language; its traceback is in the log.
"""

from __future__ import annotations

import functools
import inspect
import logging
import re
import time
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import gradio as gr

from munet.errors import RequestError
from mustango_app.page.fields import refusal
from mustango_app.page.words import Words, words_of

STAYS: Any = gr.skip()  # an output that is left as it is
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


def fault(error: BaseException, words: Words) -> str:
    """Log a fault of the program; return what a visitor is told of it."""
    logging.getLogger(__name__).error("a request of the page failed", exc_info=error)
    return words("wrong")


def tells_faults(*others: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator for handlers whose first output is a status line: a fault of the program is told there.

    Args:
        others: what the other outputs get then.
    """

    def told(error: BaseException, given: tuple[Any, ...]) -> tuple[Any, ...]:
        request = next((one for one in given if isinstance(one, gr.Request)), None)
        return status(fault(error, words_of(request)), "wrong"), *others

    def decorated(handler: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(handler)
        def answer(*given: Any) -> Any:
            try:
                return handler(*given)
            except BaseException as error:  # of one visitor; the server serves on
                return told(error, given)

        @functools.wraps(handler)
        def follow(*given: Any) -> Iterator[Any]:
            try:
                yield from handler(*given)
            except GeneratorExit:  # the visitor has left
                raise
            except BaseException as error:
                yield told(error, given)

        return follow if inspect.isgeneratorfunction(handler) else answer

    return decorated
