"""What a dataset is built from: lines of METADATA, the audio file of each, and the samples cut from it.

METADATA is MusicCaps' CSV (`ytid, start_s, end_s, caption`, more columns are allowed) or JSON lines, a folder with
`metadata.jsonl` included. A JSON line names its audio by `file`, `file_name`, `location` or `id`, its caption is
`caption`, `alt_caption` or `main_caption` (the first that is there: in MusicBench's rows `alt_caption` states no facts
that a transposition would make false), and `start` and `end` (seconds) may cut a part out of a longer recording.

An audio file is looked for by its path from the audio folder, then below that folder by its name without ending. A
line of MusicCaps is also looked for as `[ID]-[START-END]` and `ID-START`, the names that downloaders of MusicCaps give:
these hold the ten seconds alone. A file `ID` is cut at START unless it is no longer than the ten seconds.

Audio is float32 `(channels, samples)` in [-1, 1]; times are seconds, rates Hz. Any file that libsndfile reads will do,
whatever its ending says: one or two channels stay, more are mixed to one.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from augmentation.audio import LONGEST, read_audio, seconds_of
from augmentation.dataset.records import read_rows
from augmentation.hearing.listen import MINIMUM_SECONDS, is_silent
from munet.errors import RequestError, expect

# Endings in the order in which they are preferred when a recording lies there in several formats.
ENDINGS = (".flac", ".wav", ".aiff", ".aif", ".au", ".caf", ".w64", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".mp4",
           ".aac", ".webm", ".wma")  # fmt: skip
CSV_COLUMNS = ("ytid", "start_s", "end_s", "caption")
FILE_FIELDS = ("file", "file_name", "location", "id")
CAPTION_FIELDS = ("caption", "alt_caption", "main_caption")
MUSICCAPS = "MusicCaps"
SLACK = 0.5  # seconds by which a file may be longer than the part of it that is asked for and yet be that part


@dataclass(frozen=True)
class Source:
    """One line of METADATA.

    Attributes:
        index: number of the line, from 0.
        id: recording it comes from; all lines of a recording go into the same split.
        caption: as given.
        path: audio file, None if there is none.
        start: second of the file where the clip begins.
        end: second where it ends, None for the end of the file.
        whole: whether a file that is no longer than `end - start` is the clip itself.
        row: the line, as given.
    """

    index: int
    id: str
    caption: str
    path: str | None
    start: float = 0.0
    end: float | None = None
    whole: bool = False
    row: Mapping[str, Any] = field(default_factory=dict)


# --- finding files ----------------------------------------------------------------------------------------------------


def audio_files(folder: Path) -> list[Path]:
    """Audio files anywhere in a folder, by their endings, in order of their paths; hidden ones are left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    return sorted(path for path in found if not path.name.startswith("."))


def composed(name: str) -> str:
    """Return a name with its accents composed (NFC): file systems differ in how they write them."""
    return unicodedata.normalize("NFC", name)


class AudioFolder:
    """Audio files by their path in a folder, and by their name without ending.

    Raises:
        RequestError: If there is no such folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        expect("audio-dir", self.folder.is_dir(), "an existing folder", str(folder))
        self._by_name: dict[str, list[Path]] = {}
        for path in audio_files(self.folder):
            self._by_name.setdefault(composed(path.stem), []).append(path)
        for paths in self._by_name.values():
            paths.sort(key=lambda path: (ENDINGS.index(path.suffix.lower()), path))

    def find(self, *names: str) -> str | None:
        """The file of the first name that is there."""
        for name in names:
            path = self.folder / name
            if ".." not in path.parts and path.is_file():
                return str(path)
            for stem in (path.name, path.stem) if path.suffix.lower() in ENDINGS else (path.name,):
                if (found := composed(stem)) in self._by_name:
                    return str(self._by_name[found][0])
        return None


# --- reading METADATA -------------------------------------------------------------------------------------------------


def _read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in CSV_COLUMNS if name not in (reader.fieldnames or ())]
        expect("metadata", not missing, f"the columns {', '.join(CSV_COLUMNS)}", reader.fieldnames)
        return list(reader)


def _seconds(where: str, value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        raise RequestError(f"{where}: expected seconds, got {value!r}") from None
    expect(where, 0 <= seconds < 1e6, "seconds from 0", value)
    return seconds


def _from_csv(rows: Sequence[Mapping[str, str]], folder: AudioFolder) -> Iterator[Source]:
    for index, row in enumerate(rows):
        where, name = f"metadata, row {index + 1}", row["ytid"]
        start, end = (_seconds(f"{where}, {column}", row[column]) for column in ("start_s", "end_s"))
        expect(f"{where}, end_s", start < end, "a second after start_s", row["end_s"])
        expect(f"{where}, ytid", bool(name), "an identifier", name)
        expect(f"{where}, caption", bool(row["caption"]), "a caption", row["caption"])
        cut = folder.find(f"[{name}]-[{start:g}-{end:g}]", f"{name}-{start:g}")
        whole = folder.find(name) if cut is None else None
        span = (start, end) if cut is None else (0.0, end - start)
        carried = {"dataset": MUSICCAPS}
        if row.get("is_audioset_eval"):
            carried["is_audioset_eval_mcaps"] = row["is_audioset_eval"].strip().lower() in ("true", "1")
        yield Source(index, name, row["caption"], cut or whole, *span, whole=cut is None, row=carried)


def _from_json(rows: Sequence[Mapping[str, Any]], folder: AudioFolder) -> Iterator[Source]:
    for index, row in enumerate(rows):
        where = f"metadata, row {index + 1}"
        names = [row[name] for name in FILE_FIELDS if row.get(name)]
        captions = [row[name] for name in CAPTION_FIELDS if row.get(name)]
        expect(where, bool(names) and all(isinstance(name, str) for name in names), " or ".join(FILE_FIELDS), names)
        expect(where, bool(captions) and isinstance(captions[0], str), " or ".join(CAPTION_FIELDS), captions)
        start = _seconds(f"{where}, start", row.get("start") or 0)
        end = None if row.get("end") is None else _seconds(f"{where}, end", row["end"])
        expect(f"{where}, end", end is None or start < end, "a second after start", row.get("end"))
        yield Source(index, row.get("id") or names[0], captions[0], folder.find(*names), start, end, row=row)


def read_sources(metadata: str | Path, audio_dir: str | Path, limit: int | None = None) -> list[Source]:
    """Read METADATA and find the audio of each line.

    Args:
        metadata: MusicCaps' CSV, a JSON-lines file, or a folder with `metadata.jsonl`.
        audio_dir: Folder of the audio.
        limit: Take the first lines only.

    Raises:
        RequestError: If a file, column or field is missing or malformed; the message names the row.
    """
    path = Path(metadata)
    expect("limit", limit is None or limit >= 1, "a whole number of at least 1", limit)
    expect("metadata", path.exists(), "a CSV or JSON-lines file", str(metadata))
    folder = AudioFolder(audio_dir)
    if path.suffix.lower() == ".csv":
        return list(_from_csv(_read_csv(path)[:limit], folder))
    return list(_from_json(read_rows(path)[:limit], folder))


# --- reading audio ----------------------------------------------------------------------------------------------------


def read_clip(source: Source, longest: float = LONGEST) -> tuple[np.ndarray, int]:
    """Samples of a source at the rate of its file.

    Args:
        source: Where to look.
        longest: Seconds after which the clip is cut.

    Returns:
        float32 `(1 or 2, samples)` and the rate in Hz; what is louder than full scale is turned down.

    Raises:
        RequestError: If there is no file, or what it holds is no audio, too short, silent or not finite.
    """
    if source.path is None:
        raise RequestError(f"file: expected audio of {source.id!r} in the audio folder, got none")
    start, end = source.start, source.end
    if source.whole and end is not None and seconds_of(source.path) <= end - start + SLACK:
        start, end = 0.0, end - start
    audio, rate = read_audio(source.path, None, start, min(longest, longest if end is None else end - start))
    seconds = audio.shape[1] / rate
    expect("audio", seconds >= MINIMUM_SECONDS, f"{MINIMUM_SECONDS:g} s or more", f"{seconds:g} s")
    expect("audio", bool(np.isfinite(audio).all()), "finite samples", "NaN or infinity")
    audio = audio if len(audio) <= 2 else audio.mean(axis=0, keepdims=True)
    expect("audio", not is_silent(audio), "sound", "silence")
    peak = float(np.abs(audio).max())
    return (audio / np.float32(peak) if peak > 1 else audio), rate
