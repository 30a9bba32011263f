"""How well beats, tempo and key are heard in recordings whose tempo or beats are known.

    python benchmarks/true_beats.py --maps fretsonfire-songs-sectoid [--stated immich_memories_music --save]

`--maps` names a folder of `SONG__song.ogg`, `SONG__guitar.ogg` and `SONG__notes.mid`, as the Frets on Fire song packs
hold them; the tempo maps of the notes are the true beats. Twelve excerpts of ten seconds of each song are
heard by themselves, with what surrounds them, as `python -m augmentation build` hears a part of a longer file, and as
parts of the whole song, as it does with `--cut bars`.
`--stated` names a folder of recordings below which a text file states "NAME ... 68 bpm  C major" for each, such as the
package `immich-memories-music` (28 clips by ACE-Step 1.5, MIT).

Printed for each way and for each song: F (70 ms), the same with double and half tempo forgiven, and half-beat errors:
excerpts whose beats fit the places halfway between the true ones better than anything else. `gated` counts the excerpts
that pass the gates of `augmentation.dataset.trust`, which alone are told and handed to a model. The map is a click
track: where a riff is displaced against it by an eighth note, beats that any listener would tap count as errors.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mido
import mir_eval
import numpy as np

from augmentation.audio import read_audio
from augmentation.dataset.trust import BEATS, KEY, PHASE
from augmentation.hearing.beats import BeatTrack, find_pulse, track_beats
from augmentation.hearing.listen import front_end, listen
from munet.files import atomic_path

EXCERPTS, SECONDS, CONTEXT = 12, 10.0, 20.0
FIRST, LAST = 10.0, 15.0  # seconds left out at the beginning, and before the end of the map
SAME_TEMPO = 0.04
WAYS = ("alone", "surrounded", "whole song")
RESULTS = Path(__file__).parent / "results" / "true_beats.json"
STATED_FIGURES = ("tempo", "octave_tempo", "key_right", "key_of_all_right", "gated")
STATED = re.compile(r"(\S+\.\w+)\s+(\d+) bpm\s+([A-G][#b]? \w+)")


def map_of(path: Path) -> tuple[float, float]:
    """Seconds of a beat, and of the whole map, of a song in one tempo."""
    notes = mido.MidiFile(path)
    tempi = {message.tempo for track in notes.tracks for message in track if message.type == "set_tempo"}
    if len(tempi) != 1:
        raise ValueError(f"{path.name}: expected one tempo, got {len(tempi)}")
    return tempi.pop() / 1e6, notes.length


def true_beats(beat: float, start: float) -> np.ndarray:
    """Beats of the excerpt that begins at `start` (seconds), counted from there."""
    times = np.arange(np.ceil(start / beat), (start + SECONDS) / beat) * beat - start
    return times[times < SECONDS]


def scored(beats: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    """F, F with the octave forgiven, and whether the beats lie halfway between the true ones."""
    between = (true[1:] + true[:-1]) / 2
    double = np.sort(np.concatenate([true, between]))
    fits = {
        name: mir_eval.beat.f_measure(times, beats)
        for name, times in (("true", true), ("double", double), ("even", true[::2]), ("odd", true[1::2]),
                            ("between", between), ("between even", between[::2]), ("between odd", between[1::2]))
    }  # fmt: skip
    octave = max(fits[name] for name in ("true", "double", "even", "odd"))
    best = max(fits, key=lambda name: fits[name])
    return {"f": fits["true"], "octave_f": octave, "half_beat": best.startswith("between")}


def passes(confidence: float | None, phase: float | None) -> bool:
    """Whether beats pass the gates."""
    return (confidence or 0.0) >= BEATS and (phase or 0.0) >= PHASE


def ways(mix: np.ndarray, rate: int, starts: Sequence[float]) -> Iterator[tuple[float, str, BeatTrack]]:
    """Beats of the excerpts that begin at `starts` (seconds), each heard in every way."""
    whole = find_pulse(front_end(mix, rate))
    for start in starts:
        for way, context in (("alone", 0.0), ("surrounded", CONTEXT)):
            first = max(0.0, start - context)
            part = mix[:, round(first * rate) : round((start + SECONDS + context) * rate)]
            yield start, way, track_beats(front_end(part, rate), span=(start - first, start - first + SECONDS))
        yield start, "whole song", whole.track((start, start + SECONDS))


def excerpts(folder: Path) -> Iterator[dict[str, Any]]:
    """A row for every excerpt and way of hearing."""
    for notes in sorted(folder.glob("*__notes.mid")):
        name = notes.name.removesuffix("__notes.mid")
        beat, length = map_of(notes)
        parts = [read_audio(folder / f"{name}__{part}.ogg")[0] for part in ("song", "guitar")]
        rate = read_audio(folder / f"{name}__song.ogg", seconds=1)[1]
        samples = min(part.shape[1] for part in parts)
        mix = parts[0][:, :samples] + parts[1][:, :samples]
        for start, way, track in ways(mix, rate, np.linspace(FIRST, length - LAST, EXCERPTS).tolist()):
            beats = np.array([time for time, _ in track.beats or ()])
            row = {"song": name, "start": start, "way": way, "gated": passes(track.confidence, track.phase)}
            yield (
                row | {"confidence": track.confidence, "phase": track.phase} | scored(beats, true_beats(beat, start))
            )


def stated(folder: Path) -> Iterator[dict[str, Any]]:
    """A row for every recording whose tempo and key are stated: ten seconds within 50 are heard, and the key of all."""
    lines = [match for path in folder.rglob("*") if path.is_file() and path.stat().st_size < 1e5
             for match in STATED.finditer(path.read_text(encoding="utf-8", errors="ignore"))]  # fmt: skip
    for match in lines:
        path = next(folder.rglob(match[1]), None)
        if path is None:
            continue
        audio, rate = read_audio(path, None, 0.0, 50.0)
        start = max(0.0, min(20.0, audio.shape[1] / rate - SECONDS))
        heard = listen(audio, rate, span=(start, min(start + SECONDS, audio.shape[1] / rate)))
        whole = listen(audio, rate, ("chords", "key"))
        ratio = (heard.bpm or 0.0) / float(match[2])
        yield {
            "recording": match[1], "bpm": heard.bpm, "stated_bpm": float(match[2]), "key": heard.key,
            "stated_key": match[3], "tempo": abs(ratio - 1) < SAME_TEMPO,
            "octave_tempo": any(abs(ratio / factor - 1) < SAME_TEMPO for factor in (0.5, 1, 2)),
            "key_right": heard.key == match[3], "key_of_all": whole.key, "key_of_all_right": whole.key == match[3],
            "gated": passes(heard.beat_confidence, heard.beat_phase),
            "key_gated": (heard.key_confidence or 0.0) >= KEY,
        }  # fmt: skip


def summary(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line of means."""
    means = [np.mean([row[name] for row in rows]) for name in ("f", "octave_f")]
    return (
        f"F {means[0]:.2f}, octave forgiven {means[1]:.2f}, half-beat {sum(r['half_beat'] for r in rows)}/{len(rows)}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print, and write if asked."""
    parser = argparse.ArgumentParser(description="Beats, tempo and key against what is known of recordings.")
    parser.add_argument("--maps", type=Path, help="folder of songs with tempo maps")
    parser.add_argument("--stated", type=Path, help="folder of recordings whose tempo and key are stated")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.parent.name}/{RESULTS.name}")
    options = parser.parse_args(arguments)
    beats = list(excerpts(options.maps)) if options.maps else []
    for way in WAYS:
        rows = [row for row in beats if row["way"] == way]
        if rows:
            print(f"{way}: {summary(rows)}; gated: {summary([row for row in rows if row['gated']])}")
            for song in dict.fromkeys(row["song"] for row in rows):
                print(f"  {song}: {summary([row for row in rows if row['song'] == song])}")
    known = list(stated(options.stated)) if options.stated else []
    if known:
        counts = {name: sum(row[name] for row in known) for name in STATED_FIGURES}
        print(f"stated, of {len(known)}: {counts}")
        gated = [row for row in known if row["gated"]]
        print(f"  tempo right of those gated: {sum(row['tempo'] for row in gated)} of {len(gated)}")
        sure = [row for row in known if row["key_gated"]]
        print(f"  key right of those gated: {sum(row['key_right'] for row in sure)} of {len(sure)}")
    if options.save:
        before = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
        measured = {name: rows for name, rows in (("maps", beats), ("stated", known)) if rows}
        with atomic_path(RESULTS) as partial:  # what was not asked for stays
            partial.write_text(json.dumps(before | measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
