"""From a recording to labels in MusicBench's fields; `python -m augmentation extract` does it for files and folders.

Chords are written in Mustango's vocabulary ("Am7", "F#dim", "C/E", "N"), times in seconds from the start of the clip,
tempo in beats per minute, `keyprob` is the share of the methods that agree on the key. All labels are kept, but
sentences state, and models are handed, only what can be relied on (`augmentation.dataset.trust`).

The file of rows is written whole at the end. Until then every finished row is a line of `FILE.partial`, so that a run
that was killed goes on where it stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from threadpoolctl import threadpool_limits

from augmentation.dataset.corpus import ITEM_ERRORS
from augmentation.dataset.labels import Record
from augmentation.dataset.metadata import audio_files
from augmentation.dataset.records import json_lines, read_rows
from augmentation.dataset.revision import states
from augmentation.dataset.sentences import state
from augmentation.dataset.sources import Source, read_clip
from augmentation.dataset.spelling import spell_alike
from augmentation.dataset.trust import reliable
from augmentation.hearing.backends import refuse_missing
from augmentation.hearing.beats import BeatTrack
from augmentation.hearing.listen import PARTS, Heard, beat_fields, listen
from augmentation.progress import progress
from augmentation.workers import run_in_processes
from munet.errors import expect
from munet.files import alone, write_atomically
from munet.music import MUSTANGO_QUALITIES, Chord, Key
from munet.music.checks import BPM_RANGE

UNTOLD = 0.5  # share of the clips with singing whose caption does not say so
QUALITIES = (*MUSTANGO_QUALITIES, "5")
DATASET = "extracted"


# --- labels -----------------------------------------------------------------------------------------------------------


def chord_symbols(segments: Sequence[tuple[str, float, float]], key: Key | None = None) -> list[tuple[str, float]]:
    """Chords of a recogniser in Mustango's vocabulary and power chords: (symbol, start second).

    A chord that goes on is named once. All are spelled alike: as in the key, or, without one, in sharps or in flats,
    whichever most of them have.

    Raises:
        ValueError: If a Harte label cannot be read.
    """
    chords = spell_alike([Chord.from_harte(label).reduce(QUALITIES) for label, _, _ in segments], key)
    symbols: list[tuple[str, float]] = []
    for chord, (_, start, _) in zip(chords, segments, strict=True):
        if not symbols or symbols[-1][0] != str(chord):
            symbols.append((str(chord), round(start, 4)))
    return symbols


def labels_of(heard: Heard) -> dict[str, Any]:
    """What was heard as the fields of a row; what was not asked for or not found is empty.

    Raises:
        ValueError: If an extractor is not installed: rows with and without it would be taken for the same.
    """
    expect("extractors", not heard.missing, "all that are asked for", "; ".join(heard.missing))
    beats = [(round(t, 4), at) for t, at in heard.beats or () if 0 <= t < heard.duration and at > 0]
    key = Key.parse(heard.key) if heard.key else None
    chords = chord_symbols(heard.chords or (), key)
    low, high = BPM_RANGE
    return {
        "beats": [[t for t, _ in beats], [float(at) for _, at in beats]],
        "bpm": round(heard.bpm, 3) if heard.bpm and low <= heard.bpm <= high else None,
        "chords": [symbol for symbol, _ in chords],
        "chords_time": [t for _, t in chords],
        "key": [key.tonic, key.mode] if key else None,
        "keyprob": [] if heard.key_confidence is None else [round(heard.key_confidence, 4)],
        "meter": heard.meter,
        "duration": heard.duration,
        **{
            name: None if value is None else round(value, 4)
            for name, value in (
                ("beat_confidence", heard.beat_confidence),
                ("beat_phase", heard.beat_phase),
                ("chord_confidence", heard.chord_confidence),
            )
        },
    }


def extract(
    audio: np.ndarray,
    sample_rate: int,
    parts: Sequence[str] = PARTS,
    span: tuple[float, float] | None = None,
    track: BeatTrack | None = None,
) -> dict[str, Any]:
    """Labels of a recording, the same however many threads the process may use.

    Args:
        audio: float32 `(channels, samples)`.
        sample_rate: Hz.
        parts: What to measure, of `listen.PARTS`.
        span: The part of it (seconds) that is asked about; see `listen`.
        track: Beats of that part that are known already, None to track them.

    Raises:
        ValueError: If the audio is unusable or an extractor is not installed.
    """
    with threadpool_limits(1):
        if track is None or "beats" not in parts:
            return labels_of(listen(audio, sample_rate, parts, span))
        heard = listen(audio, sample_rate, [part for part in parts if part != "beats"], span)
        return labels_of(replace(heard, **beat_fields(track)))


def state_reliable(record: Record, rng: np.random.Generator) -> Record:
    """`sentences.state`, silent about labels that are likely to be wrong (see `augmentation.dataset.trust`).

    What the caption states by itself is not stated again: the label may be another opinion.

    Args:
        record: A row with an `alt_caption`.
        rng: Source of every choice.

    Returns:
        A new row; its labels are those of `record`.
    """
    told = states(record.fields.get("alt_caption") or "")
    hidden: dict[str, None] = dict.fromkeys(told & {"bpm", "key", "chords"})
    hidden |= {"beats": None, "meter": None} if "meter" in told else {}
    known = reliable(record.plan, record.fields)
    stated = state(record, rng, known=known.with_(**hidden) if hidden else known)
    voice = record.fields.get("prompt_voice")
    if not voice or rng.random() < UNTOLD:
        return stated
    return stated.with_fields(main_caption=f"{stated.fields['main_caption']} {voice}")


# --- files ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recording:
    """A file to listen to: where it lies, and its name in the rows, relative to them."""

    path: Path
    name: str


def recordings(audio: Sequence[str | Path], out: Path) -> list[Recording]:
    """Files that `audio`, a mixture of files and folders, stands for; each once.

    Raises:
        ValueError: If there is no such file, or none at all.
    """
    paths: list[Path] = []
    for name in audio:
        path = Path(name)
        expect("audio", path.exists(), "existing files or folders", str(name))
        paths += audio_files(path) if path.is_dir() else [path]
    expect("audio", bool(paths), "at least one audio file", [str(name) for name in audio])
    base = out.resolve().parent
    names = {os.path.relpath(path.resolve(), base): path for path in paths}
    return [Recording(path, Path(name).as_posix()) for name, path in names.items()]


def extract_file(parts: Sequence[str], seed: int, recording: Recording) -> dict[str, Any]:
    """Row of one file, or `{"file_name", "error"}`."""
    try:
        audio, rate = read_clip(Source(0, recording.name, "", str(recording.path)))
        labels = extract(audio, rate, parts)
    except ITEM_ERRORS as error:
        return {"file_name": recording.name, "error": f"{type(error).__name__}: {error}"}
    row = {"dataset": DATASET, "location": recording.name, "file_name": recording.name, "alt_caption": "", **labels}
    rng = np.random.default_rng([seed, crc32(recording.name.encode())])
    return dict(state_reliable(Record.of(row), rng).fields)


def _finished(journal: Path, out: Path) -> dict[str, dict[str, Any]]:
    """Rows of earlier runs by file name. The journal's last line may be half a line."""
    rows = read_rows(out) if out.is_file() else []
    lines = journal.read_bytes().split(b"\n")[:-1] if journal.is_file() else []
    return {row["file_name"]: row for row in [*rows, *map(json.loads, lines)]}


def extract_files(
    audio: Sequence[str | Path],
    out: str | Path,
    parts: Sequence[str] = PARTS,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[..., Any] = progress,
) -> dict[str, Any]:
    """Listen to files and write a JSON-lines file of their rows, in the order given.

    Args:
        audio: Files and folders.
        out: Where to. Rows that are there already are not made again; failures are tried again.
        parts: What to measure, of `listen.PARTS`.
        seed: Decides the sentences.
        workers: Number of processes (1: this one).
        progress: Progress bar class, called with tqdm's arguments.

    Returns:
        `{"out", "files", "rows", "failures", "made"}`; failures are listed in `OUT.failures.jsonl`.

    Raises:
        ValueError: For bad arguments.
        OSError: If the machine fails; what is finished stays.
    """
    out = Path(out)
    expect("workers", 1 <= workers <= 256, "a whole number from 1 to 256", workers)
    expect("parts", bool(parts) and set(parts) <= set(PARTS), f"some of {', '.join(PARTS)}", tuple(parts))
    expect("out", out.parent.is_dir() and not out.is_dir(), "a file in an existing folder", str(out))
    refuse_missing(parts)
    with alone(out, "out"):
        return _extract_files(recordings(audio, out), out, parts, seed, workers, progress)


def _extract_files(
    files: Sequence[Recording],
    out: Path,
    parts: Sequence[str],
    seed: int,
    workers: int,
    progress: Callable[..., Any],
) -> dict[str, Any]:
    """Listen to what is missing in `out`."""
    journal = out.with_name(f"{out.name}.partial")
    rows = _finished(journal, out)
    write_atomically(journal, json_lines(list(rows.values())))  # ends with a whole line again
    missing = [recording for recording in files if recording.name not in rows]
    failures = []
    with (
        journal.open("ab") as lines,
        progress(total=len(files), initial=len(files) - len(missing), unit="file", disable=None, smoothing=0) as bar,
        run_in_processes(partial(extract_file, tuple(parts), seed), missing, workers) as results,
    ):
        for row in results:
            if "error" in row:
                failures.append(row)
            else:
                rows[row["file_name"]] = row
                lines.write(json_lines([row]))
                lines.flush()
            bar.update()
    ordered = {recording.name: rows[recording.name] for recording in files if recording.name in rows}
    write_atomically(out, json_lines(list((ordered | rows).values())))
    failed = out.with_name(f"{out.name}.failures.jsonl")
    if failures:
        write_atomically(failed, json_lines(sorted(failures, key=lambda failure: failure["file_name"])))
    else:
        failed.unlink(missing_ok=True)
    journal.unlink()
    report = {"files": len(files), "rows": len(ordered), "failures": len(failures)}
    return {"out": str(out), **report, "made": len(missing) - len(failures)}
