"""What the corpus sounds like: cost, loudness, brilliance, width and attacks of renders, beside real recordings.

    python benchmarks/corpus_sound.py [--sources DIR] [--recordings DIR] [--clips 70 --hear 0] [--keep DIR]

Renders the same held-back pieces dry (the tracks of the first soundfont in their places, without a desk) and as the
corpus has them, and cuts ten seconds out of each recording. `--hear N` also asks the extractors for beats and chords
of the first N pieces. `--keep` leaves the clips as WAV files in DIR/dry, DIR/corpus and DIR/recordings, for a judge
that compares folders.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from augmentation.compose.composer import Note, Piece, Track, compose
from augmentation.compose.mastering import loudness
from augmentation.compose.renderer import render, soundfonts
from augmentation.hearing.listen import listen
from mustango_app.evaluation.adherence import adherence

RATE, SECONDS = 44100, 10.0
FIRST_SEED = 7000
_HITS = (36, 38, 42)
_SUFFIXES = (".ogg", ".opus", ".flac", ".wav", ".mp3")
Clip = tuple[np.ndarray, int]


def pieces(count: int) -> list[Piece]:
    """Compose the pieces that are rendered."""
    return [compose(FIRST_SEED + index, duration=SECONDS) for index in range(count)]


def excerpts(folder: Path) -> list[Clip]:
    """Cut ten seconds out of each recording of at least 25 seconds, a third of the way in; quiet ones are left out."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix in _SUFFIXES):
        about = soundfile.info(path)
        if about.duration >= 25:
            start = int(0.35 * about.duration * about.samplerate)
            frames = round(SECONDS * about.samplerate)
            audio, rate = soundfile.read(path, frames, start, dtype="float32", always_2d=True)
            if np.sqrt(np.mean(np.square(audio))) > 0.01:
                found.append((np.ascontiguousarray(audio.T), rate))
    return found


def _decibels(ratio: float) -> float:
    return float(10 * np.log10(ratio + 1e-9))


def figures(clip: Clip) -> dict[str, float]:
    """Return loudness (LUFS), energy above 10 kHz (dB of all), sides against middle (dB), crest (dB) of a clip."""
    audio, rate = clip
    power = np.square(np.abs(np.fft.rfft(audio))).sum(0)
    high = power[np.fft.rfftfreq(audio.shape[1], 1 / rate) >= 10000].sum() / power.sum()
    middle, side = audio[0] + audio[-1], audio[0] - audio[-1]
    return {
        "LUFS": loudness(audio, rate),
        "above 10 kHz": _decibels(high),
        "side/mid": _decibels(float(np.sum(side**2) / np.sum(middle**2))),
        "crest": _decibels(float(np.abs(audio).max() ** 2 / np.mean(np.square(audio)))),
    }


def attacks(sources: Sequence[Path], dry: bool) -> list[float]:
    """Milliseconds in which single hits of kick, snare and hi-hat rise from a tenth to nine tenths of their peak."""
    found = []
    plain = compose(FIRST_SEED, style="rock", duration=SECONDS).plan
    for seed in range(12):
        notes = tuple(Note(0.3 + index, 0.2, key, 110) for index, key in enumerate(_HITS))
        piece = Piece(seed, "rock", plain, "happy", "moderate", (Track("drums", 0, True, notes),))
        envelope = np.abs(render(piece, RATE, sources, dry)).max(0)
        for note in notes:
            near = envelope[round(note.start * RATE) - 441 : round(note.start * RATE) + 4410]
            rise = np.argmax(near > 0.9 * near.max()) - np.argmax(near > 0.1 * near.max())
            found.append(1000 * float(rise) / RATE)
    return found


def table(clips: Sequence[Clip]) -> str:
    """One line of medians, with the spread between the tenth and the ninetieth percentile."""
    rows = [figures(clip) for clip in clips]
    parts = []
    for name in rows[0]:
        low, middle, high = np.percentile([row[name] for row in rows], (10, 50, 90))
        parts.append(f"{name} {middle:.1f} ({low:.1f} to {high:.1f})")
    return ", ".join(parts)


def heard(clips: Sequence[Clip], played: Sequence[Piece]) -> str:
    """Mean scores of the extractors on clips against the plans that were played."""
    scores = [
        adherence(piece.plan, listen(audio, rate, ("beats", "chords")))
        for (audio, rate), piece in zip(clips, played, strict=False)
    ]
    names = [name for name in scores[0] if scores[0][name] is not None]
    return ", ".join(f"{name} {np.mean([s[name] for s in scores if s[name] is not None]):.3f}" for name in names)


def save(clips: Sequence[Clip], folder: Path) -> None:
    """Write clips as 16-bit WAV files."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, (audio, rate) in enumerate(clips):
        soundfile.write(folder / f"{index:03d}.wav", audio.T, rate)


def rendered(played: Sequence[Piece], sources: Sequence[Path], dry: bool) -> tuple[list[Clip], float]:
    """Clips, and the median processor time of one in milliseconds, all being loaded."""
    for piece in played[:8]:
        render(piece, RATE, sources, dry)
    clips, times = [], []
    for piece in played:
        start = time.process_time()
        clips.append((render(piece, RATE, sources, dry), RATE))
        times.append(1000 * (time.process_time() - start))
    return clips, float(np.median(times))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What the corpus sounds like.")
    parser.add_argument("--sources", help="soundfont or folder of them (default: what the renderer uses)")
    parser.add_argument("--recordings", type=Path, help="folder of real recordings")
    parser.add_argument("--clips", type=int, default=70)
    parser.add_argument("--hear", type=int, default=0, help="pieces that the extractors hear")
    parser.add_argument("--keep", type=Path, help="folder for the clips")
    options = parser.parse_args(arguments)
    sources, played = soundfonts(options.sources), pieces(options.clips)
    print(f"{options.clips} pieces of {SECONDS:.0f} s, soundfonts {', '.join(path.name for path in sources)}")
    for name, dry in (("dry", True), ("corpus", False)):
        clips, milliseconds = rendered(played, sources, dry)
        print(f"{name}: {milliseconds:.0f} ms a clip, {table(clips)}")
        print(f"  attacks {np.median(attacks(sources, dry)):.2f} ms")
        if options.hear:
            print(f"  heard on {options.hear}: {heard(clips[: options.hear], played)}", flush=True)
        if options.keep:
            save(clips, options.keep / name)
    if options.recordings:
        real = excerpts(options.recordings)
        print(f"{len(real)} recordings: {table(real)}")
        if options.keep:
            save(real, options.keep / "recordings")


if __name__ == "__main__":
    main()
