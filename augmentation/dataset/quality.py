"""MusicBench's filter of low-quality recordings, by what their captions say, with a report of what was dropped and why.

Source: Melechovsky et al., "Mustango" (NAACL 2024), augmentation module: of 5,479 clips of MusicCaps 3,413 remain. The
rules are tried in order, the narrow ones first; the last one drops every caption that speaks of quality at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from munet.errors import RequestError

REASONS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        reason: re.compile(pattern, re.IGNORECASE | re.DOTALL)
        for reason, pattern in (
            ("low quality", r"\blow[ -]quality\b|\bquality is low\b"),
            ("low fidelity", r"\blow[ -]fidelity\b"),
            ("poor quality", r"\bpoor\b.*\bquality|\bquality\b.*\bpoor"),
            ("mentions quality", r"quality"),
        )
    }
)


@dataclass(frozen=True)
class Dropped:
    """A row that was dropped: its index and name, the reason (a key of `REASONS`) and the words that gave it."""

    index: int
    name: str
    reason: str
    keyword: str


@dataclass(frozen=True)
class Report:
    """What a filter did: the rows it `kept`, and what it `dropped`."""

    kept: tuple[Mapping[str, Any], ...]
    dropped: tuple[Dropped, ...]

    def summary(self) -> dict[str, Any]:
        """Counts as plain JSON values: rows, kept, dropped, and dropped rows by reason."""
        reasons = Counter(row.reason for row in self.dropped)
        return {
            "rows": len(self.kept) + len(self.dropped),
            "kept": len(self.kept),
            "dropped": len(self.dropped),
            "reasons": {reason: reasons[reason] for reason in REASONS if reason in reasons},
        }


def low_quality(caption: str) -> tuple[str, str] | None:
    """Reason for which a caption is dropped and the words that gave it ("low quality", "Low-quality"), or None."""
    for reason, pattern in REASONS.items():
        if match := pattern.search(caption):
            return reason, match[0]
    return None


def filter_rows(rows: Iterable[Mapping[str, Any]], field: str = "main_caption") -> Report:
    """Keep the rows whose caption does not speak of the quality of the recording.

    Args:
        rows: Rows in MusicBench's fields; they are handed on as they are.
        field: The caption to look at.

    Raises:
        RequestError: If a row has no such caption (the message gives its number, counted from 0).
    """
    kept, dropped = [], []
    for index, row in enumerate(rows):
        caption = row.get(field)
        if not isinstance(caption, str):
            raise RequestError(f"{field}: expected a caption in row {index}, got {caption!r}")
        if found := low_quality(caption):
            dropped.append(Dropped(index, str(row.get("location", row.get("id", index))), *found))
        else:
            kept.append(row)
    return Report(tuple(kept), tuple(dropped))
