"""The one error that a person can mend."""

from __future__ import annotations


class RequestError(ValueError):
    """A request that cannot be carried out as it stands.

    The message names the argument, what was expected and what came; command line, page and HTTP show it as one line.
    Whatever is not a `RequestError` is a fault of the program and keeps its traceback.
    """


def expect(name: str, holds: bool, expected: str, got: object) -> None:
    """Raise `RequestError("NAME: expected EXPECTED, got GOT")` unless a condition holds."""
    if not holds:
        raise RequestError(f"{name}: expected {expected}, got {got!r}")
