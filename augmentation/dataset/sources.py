"""What a dataset is built from: lines of METADATA, the audio file of each, and the samples cut from it.

METADATA may have any form that `augmentation.dataset.metadata` reads. MusicCaps' columns `ytid, start_s, end_s` name
ten seconds of a recording. Any other line names its audio by `file`, `file_name`, `filename`, `path`, `audio`,
`location` or `id`, its caption by `caption`, `alt_caption`, `main_caption`, `text`, `description` or `prompt` (the
first that is there: in MusicBench's rows `alt_caption` states no facts that a transposition would make false), and
`start` and `end` (seconds) may cut a part out of a longer recording. A line without a caption is captioned by machine.

An audio file is looked for by its path from the audio folder, then below that folder by its name without ending. A
line of MusicCaps is also looked for as `[ID]-[START-END]` and `ID-START`, the names that downloaders of MusicCaps give:
these hold the ten seconds alone. A file `ID` is cut at START unless it is no longer than the ten seconds.

Audio is float32 `(channels, samples)` in [-1, 1]; times are seconds, rates Hz. Any file that libsndfile or FFmpeg reads
will do, whatever its ending says: one or two channels stay, more are mixed to one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from augmentation.audio import LONGEST, read_audio, seconds_of
from augmentation.dataset.metadata import ENDINGS, Entry, audio_files, read_entries
from augmentation.decoding import is_cut_short
from augmentation.hearing.listen import MINIMUM_SECONDS, is_silent
from munet.errors import RequestError, expect

MUSICCAPS_COLUMNS = ("ytid", "start_s", "end_s")
FILE_FIELDS = ("file", "file_name", "filename", "path", "audio", "location", "id")
CAPTION_FIELDS = ("caption", "alt_caption", "main_caption", "text", "description", "prompt")
MUSICCAPS = "MusicCaps"
CONTEXT = 20.0  # seconds on either side of a clip that decide its beats with it
SLACK = 0.5  # seconds by which a file may be longer than the part of it that is asked for and yet be that part


@dataclass(frozen=True)
class Source:
    """One line of METADATA.

    Attributes:
        index: number of the line, from 0.
        id: recording it comes from; all lines of a recording go into the same split.
        caption: as given; "" if there is none.
        path: audio file, None if there is none.
        start: second of the file where the clip begins.
        end: second where it ends, None for the end of the file.
        whole: whether a file that is no longer than `end - start` is the clip itself.
        row: the line, as given.
        problem: why the line cannot be used; "" if it can.
    """

    index: int
    id: str
    caption: str
    path: str | None
    start: float = 0.0
    end: float | None = None
    whole: bool = False
    row: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


# --- finding files ----------------------------------------------------------------------------------------------------


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


def _seconds(name: str, value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        raise RequestError(f"{name}: expected seconds, got {value!r}") from None
    expect(name, 0 <= seconds < 1e6, "seconds from 0", value)
    return seconds


def _of_musiccaps(index: int, row: Mapping[str, Any], folder: AudioFolder) -> Source:
    name, caption = str(row["ytid"]), str(row.get("caption") or "")
    start, end = (_seconds(column, row[column]) for column in MUSICCAPS_COLUMNS[1:])
    expect("end_s", start < end, "a second after start_s", row["end_s"])
    cut = folder.find(f"[{name}]-[{start:g}-{end:g}]", f"{name}-{start:g}")
    whole = folder.find(name) if cut is None else None
    span = (start, end) if cut is None else (0.0, end - start)
    carried = {"dataset": MUSICCAPS}
    if row.get("is_audioset_eval"):
        carried["is_audioset_eval_mcaps"] = str(row["is_audioset_eval"]).strip().lower() in ("true", "1")
    return Source(index, name, caption, cut or whole, *span, whole=cut is None, row=row | carried)


def _of_any(index: int, row: Mapping[str, Any], folder: AudioFolder) -> Source:
    names = [str(row[name]) for name in FILE_FIELDS if row.get(name) not in (None, "")]
    captions = [row[name] for name in CAPTION_FIELDS if row.get(name)]
    expect("row", bool(names), " or ".join(FILE_FIELDS), sorted(row))
    expect("caption", not captions or isinstance(captions[0], str), "a text", captions[:1])
    start = _seconds("start", row.get("start") or 0)
    end = None if row.get("end") in (None, "") else _seconds("end", row["end"])
    expect("end", end is None or start < end, "a second after start", row.get("end"))
    recording = str(row.get("id") or names[0])
    return Source(index, recording, captions[0] if captions else "", folder.find(*names), start, end, row=row)


def read_sources(metadata: str | Path, audio_dir: str | Path, limit: int | None = None) -> list[Source]:
    """Read METADATA and find the audio of each line. A line that cannot be used has a `problem`.

    Args:
        metadata: A file of lines, or a folder (see `augmentation.dataset.metadata`).
        audio_dir: Folder of the audio.
        limit: Take the first lines only.

    Raises:
        RequestError: If a file is missing, or no line names an audio file and so the columns must be wrong.
    """
    expect("limit", limit is None or limit >= 1, "a whole number of at least 1", limit)
    entries = read_entries(metadata)
    known = {*FILE_FIELDS, *MUSICCAPS_COLUMNS}
    named = [entry for entry in entries if known & entry.row.keys()]
    columns = sorted({name for entry in entries[:1] for name in entry.row})
    expect("metadata", not entries or bool(named), f"a column {', '.join(FILE_FIELDS)} or ytid", columns)
    folder = AudioFolder(audio_dir)
    return [_source(index, entry, folder) for index, entry in enumerate(entries[:limit])]


def _source(index: int, entry: Entry, folder: AudioFolder) -> Source:
    if not entry.problem:
        try:
            musiccaps = all(entry.row.get(name) not in (None, "") for name in MUSICCAPS_COLUMNS)
            return (_of_musiccaps if musiccaps else _of_any)(index, entry.row, folder)
        except RequestError as error:
            return Source(index, f"row {index + 1}", "", None, row=entry.row, problem=f"{entry.where}, {error}")
    return Source(index, f"row {index + 1}", "", None, row=entry.row, problem=f"{entry.where}: {entry.problem}")


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
    start, end = _span(source, longest)
    audio, rate = read_audio(str(source.path), None, start, end - start)
    seconds = audio.shape[1] / rate
    if seconds < end - start - SLACK:  # the end of the file: its own, or that of what is left of it
        claimed = min(end, seconds_of(str(source.path))) - start
        whole = not is_cut_short(Path(str(source.path))) and seconds > claimed - SLACK
        expect("file", whole, "a whole file", f"one that is cut short after {start + seconds:.1f} s")
    return _checked(audio, rate), rate


def read_surroundings(source: Source, longest: float = LONGEST) -> tuple[np.ndarray, int, tuple[float, float] | None]:
    """A source with up to `CONTEXT` seconds of its file on either side; returns samples, rate and its span in them.

    The span is None where the file is the clip itself.

    Raises:
        RequestError: See `read_clip`.
    """
    start, end = _span(source, longest)
    first = max(0.0, start - CONTEXT)
    audio, rate = read_audio(str(source.path), None, first, end + CONTEXT - first)
    seconds = audio.shape[1] / rate
    span = (start - first, min(end - first, seconds))
    expect("start", span[0] < span[1], f"a second before {first + seconds:g}, the end of the file", start)
    return audio, rate, None if span == (0.0, seconds) else span


def _span(source: Source, longest: float) -> tuple[float, float]:
    """First and last second of its file that a source stands for."""
    expect("metadata", not source.problem, "a usable line", source.problem)
    if source.path is None:
        raise RequestError(f"file: expected audio of {source.id!r} in the audio folder, got none")
    start, end = source.start, source.end
    if source.whole and end is not None and seconds_of(source.path) <= end - start + SLACK:
        start, end = 0.0, end - start
    return start, start + min(longest, longest if end is None else end - start)


def _checked(audio: np.ndarray, rate: int) -> np.ndarray:
    seconds = audio.shape[1] / rate
    expect("audio", seconds >= MINIMUM_SECONDS, f"{MINIMUM_SECONDS:g} s or more", f"{seconds:g} s")
    expect("audio", bool(np.isfinite(audio).all()), "finite samples", "NaN or infinity")
    audio = audio if len(audio) <= 2 else audio.mean(axis=0, keepdims=True)
    expect("audio", not is_silent(audio), "sound", "silence")
    peak = float(np.abs(audio).max())
    return audio / np.float32(peak) if peak > 1 else audio
