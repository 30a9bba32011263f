"""Which split a clip belongs to: whole recordings, whatever their rows are called, and never two splits for one sound.

Rows belong together that name the same recording or file, or whose files hold the same bytes or the same sound
(`augmentation.dataset.fingerprints`), directly or by way of others. Such a group goes into one split: the one that the
metadata ask for, else the one that is furthest from its share, in an order that only names and the seed decide.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from augmentation.dataset.sources import Source
from munet.errors import RequestError

SPLITS = ("train", "validation", "test")
AUDIOSET = "is_audioset_eval"
# What the values of a column that decides may be; a flag, such as MusicCaps' `is_audioset_eval`, means the test split.
NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "train": ("train", "training"),
        "validation": ("validation", "valid", "val", "dev"),
        "test": ("test", "testing", "eval", "evaluation", "true", "1", "yes"),
    }
)
UNDECIDED = ("", "false", "0", "no")


@dataclass(frozen=True)
class Place:
    """Where a clip belongs.

    Attributes:
        split: of `SPLITS`.
        recording: name of its group, the first of the recordings in it.
    """

    split: str
    recording: str


class Groups:
    """Things that belong together, by way of others too."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def join(self, first: int, second: int) -> None:
        """Put two things into one group."""
        roots = sorted((self.root(first), self.root(second)))
        self._parents[roots[1]] = roots[0]

    def root(self, place: int) -> int:
        """First thing of a thing's group."""
        while self._parents[place] != place:
            self._parents[place] = self._parents[self._parents[place]]
            place = self._parents[place]
        return place


def grouped(sources: Sequence[Source], same_sound: Iterable[tuple[str, str]] = ()) -> list[str]:
    """Name of the recording that each source belongs to, the same for all that belong together.

    Args:
        sources: lines of the metadata.
        same_sound: pairs of files that hold the same sound.
    """
    groups = Groups(len(sources))
    first: dict[tuple[str, str], int] = {}
    for place, source in enumerate(sources):
        names = [("id", source.id), ("ytid", str(source.row.get("ytid") or ""))]
        names.append(("file", str(Path(source.path).resolve()) if source.path else ""))
        for name in names:
            if name[1]:
                groups.join(first.setdefault(name, place), place)
    files = {key[1]: place for key, place in first.items() if key[0] == "file"}
    for one, other in same_sound:
        one, other = str(Path(one).resolve()), str(Path(other).resolve())
        if one in files and other in files:
            groups.join(files[one], files[other])
    return [sources[groups.root(place)].id for place in range(len(sources))]


def asked_split(source: Source, column: str | None) -> str | None:
    """Split that the metadata ask for, None where they leave it open.

    Raises:
        RequestError: the column is missing, or holds something that names no split.
    """
    if column is None:
        return None
    names = (column, f"{column}_mcaps") if column == AUDIOSET else (column,)
    values = [source.row[name] for name in names if source.row.get(name) is not None]
    if not values:
        raise RequestError(f"split-by: expected the column {column!r} in each row, got none for {source.id!r}")
    value = str(values[0]).strip().lower()
    if value in UNDECIDED:
        return None
    for split, spellings in NAMES.items():
        if value in spellings:
            return split
    raise RequestError(
        f"split-by: expected train, validation, test or a flag in {column!r}, got {values[0]!r} for {source.id!r}"
    )


def decide(
    recordings: Sequence[str],
    asked: Sequence[str | None],
    shares: Mapping[str, float],
    seed: int,
    known: Mapping[str, str] | None = None,
) -> tuple[dict[str, str], list[str]]:
    """Split of each recording.

    What is asked for comes first; where rows of one recording ask for different splits, the one that is held back
    furthest wins. The others go, in an order by a hash of their name and the seed, to the split that lacks most of its
    share; one that has a share gets a recording as long as two are left for training.

    Args:
        recordings: of each row, see `grouped`.
        asked: split that each row asks for, None where it leaves it open.
        shares: of the recordings, of `validation` and `test`.
        seed: of the order.
        known: splits of recordings that were decided earlier; they stay.

    Returns:
        The splits, and what there is to say: empty splits and rows that asked for something else.
    """
    known, wishes = dict(known or {}), defaultdict(set)
    for recording, wish in zip(recordings, asked, strict=True):
        wishes[recording] |= {wish} - {None}
    splits, remarks = {}, []
    for recording, found in wishes.items():
        if recording in known:
            splits[recording] = known[recording]
        elif found:
            splits[recording] = max(found, key=SPLITS.index)
            if len(found) > 1:
                remarks.append(f"{recording}: rows of one recording ask for {' and '.join(sorted(found))}, "
                               f"all of them go to {splits[recording]}")  # fmt: skip
    everything, counts = len(wishes), Counter(splits.values())
    for recording in sorted(wishes.keys() - splits.keys(), key=lambda name: _order(name, seed)):
        lacking = {split: share * everything - counts[split] for split, share in shares.items() if share}
        most = max(lacking, key=lambda split: (lacking[split], split), default=None)
        first = most is not None and not counts[most] and everything >= 3
        splits[recording] = most if most is not None and (lacking[most] >= 0.5 or first) else "train"
        counts[splits[recording]] += 1
    wanted = ("train", *(split for split, share in shares.items() if share))
    remarks += [f"{split}: no recording is left for this split" for split in wanted if not counts[split]]
    return splits, remarks


def _order(recording: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{recording}".encode()).digest()


def rows_of_splits(places: Mapping[int, Place]) -> list[dict[str, Any]]:
    """Decisions as rows that are kept beside the dataset."""
    return [
        {"index": index, "recording": place.recording, "split": place.split} for index, place in sorted(places.items())
    ]
