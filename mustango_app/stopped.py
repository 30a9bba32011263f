"""The one error that is none: somebody asked for an end. Without torch, for those who only wait."""

from __future__ import annotations


class Stopped(Exception):
    """The person who asked for a clip has asked to stop."""
