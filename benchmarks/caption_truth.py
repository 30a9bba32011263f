"""How often a caption is false after its clip was changed: facts read by the planner's readers before and after.

    python benchmarks/caption_truth.py musicbench_dev.jsonl [--captions 125 --show 20]

Draws captions that state a tempo or a key, makes four versions of each (lower, higher, faster, slower, as
`python -m augmentation build` draws them), and reads tempo, key and chords of both texts as a prompt is read. A version
is false if it states anything else than the original moved along; it is shortened if a sentence had to be left out.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass

from augmentation.dataset.records import read_rows
from augmentation.dataset.revision import ROUNDING, revise
from augmentation.reading.fields import read_bpm, read_chords, read_key
from munet.music import TEMPO_WORDS, Chord, Key, PlanError, tempo_word

LONGEST_WORD = 50.0  # BPM: an open-ended tempo word counts as this wide


@dataclass(frozen=True)
class Told:
    """What a prompt with this text would ask for."""

    bpm: float | None
    key: Key | None
    chords: tuple[str, ...] | None

    @classmethod
    def of(cls, text: str) -> Told:
        """Read a text; chords that are refused count as none."""
        try:
            chords = read_chords(text)
        except PlanError:
            chords = None
        return cls(read_bpm(text), read_key(text), chords)

    def faults(self, original: Told, semitones: int, factor: float) -> list[str]:
        """What is stated and false, given what the original stated."""
        wrong = []
        if self.bpm is not None and not _fits(self.bpm, original.bpm, factor):
            wrong.append(f"tempo {original.bpm} -> {self.bpm}")
        moved = original.key and original.key.transpose(semitones)
        if self.key is not None and (
            moved is None or (moved.tonic_pc, moved.mode) != (self.key.tonic_pc, self.key.mode)
        ):
            wrong.append(f"key {original.key} -> {self.key}")
        if self.chords is not None and _tones(self.chords, 0) != _tones(original.chords or (), semitones):
            wrong.append(f"chords {original.chords} -> {self.chords}")
        return wrong


def _fits(bpm: float, original: float | None, factor: float) -> bool:
    """Whether a tempo is the original's, changed; a tempo word may be the word that the changed tempo falls under."""
    if original is None:
        return False
    asked = original * factor
    low, high = TEMPO_WORDS[tempo_word(bpm)]
    middle = round((low + min(high, low + LONGEST_WORD)) / 2)
    return abs(bpm - asked) <= ROUNDING or (bpm == middle and low - 1 <= asked <= high + 1)


def _tones(symbols: Sequence[str], semitones: int) -> list[tuple[int, str]]:
    chords = map(Chord.parse, symbols)
    return [(-1, "") if chord.is_none else ((chord.root_pc + semitones) % 12, chord.quality) for chord in chords]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Captions that are false after their clip was changed.")
    parser.add_argument("rows", help="JSON lines with main_caption")
    parser.add_argument("--captions", type=int, default=125, help="captions drawn (default 125)")
    parser.add_argument("--show", type=int, default=0, help="versions printed")
    options = parser.parse_args(arguments)
    texts = list(dict.fromkeys(row["main_caption"] for row in read_rows(options.rows)))
    stating = [text for text in texts if read_bpm(text) or read_key(text)]
    rng = random.Random(0)
    versions = false = shortened = 0
    for text in rng.sample(stating, min(options.captions, len(stating))):
        original = Told.of(text)
        faster = rng.uniform(1.05, 1.25), rng.uniform(1.05, 1.25)
        for semitones, factor in (
            (-rng.randint(1, 3), 1.0), (rng.randint(1, 3), 1.0), (0, faster[0]), (0, 1 / faster[1]),
        ):  # fmt: skip
            revised = revise(text, semitones, factor)
            faults = Told.of(revised).faults(original, semitones, factor)
            shortened += len(revised) < 0.8 * len(text)
            false += bool(faults)
            if faults or versions < options.show:
                print(f"{semitones:+d} semitones, {factor:.3f} times as fast{': FALSE ' if faults else ''}", *faults)
                print(f"  {text}\n  {revised}")
            versions += 1
    print(f"{versions} versions of {len(stating)} captions that state something: {false} false, {shortened} shortened")


if __name__ == "__main__":
    main()
