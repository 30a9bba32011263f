"""Where training clips come from: composed on the fly, or read from a dataset folder; and the seeds held back.

There is no torch here: who only wants to know which seeds no training has seen waits for nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from augmentation.audio import read_audio
from augmentation.captions.caption import caption, describe
from augmentation.compose.composer import compose
from augmentation.compose.renderer import render
from augmentation.dataset.corpus import item_source
from augmentation.dataset.records import METADATA, plan_of, read_rows
from augmentation.dataset.trust import reliable
from munet.music import MusicPlan
from munet.music.events import Parts
from munet.music.instruments import CLASS_NAMES, CLASSES

HELD_BACK_SEEDS = range(990_000, 1_000_000)  # composer seeds that no training may see
LONGEST_SECONDS = 120.0  # of a file that is read for training


class Clip(NamedTuple):
    """A piece to train on: audio `(2, samples)`, its plan, captions, and its notes where they are known."""

    audio: np.ndarray
    plan: MusicPlan
    captions: list[str]
    notes: Parts | None = None


class ComposedClips:
    """Clips composed and rendered when they are asked for; clip i is that of the corpus with the same seed.

    Args:
        count: number of clips.
        seed: of the corpus.
        soundfont: .sf2 or .sf3 file, None for the packaged one.
        captions: captions drawn per clip.
        any_players: share of the clips whose players are drawn whatever the style, so that a model learns to follow
            who is asked for, and who is not, against what the style would bring along.
    """

    def __init__(
        self, count: int, seed: int, soundfont: str | None, captions: int = 4, any_players: float = 0.0
    ) -> None:
        self.count, self.seed, self.soundfont, self.captions = count, seed, soundfont, captions
        self.any_players = any_players

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        """Return what messages call clip `index`."""
        return f"clip {index} of seed {self.seed}"

    def read(self, index: int, sample_rate: int, seconds: float) -> Clip:
        """Compose and render clip `index`, `seconds` long."""
        piece_seed, rng = item_source(self.seed, index)
        if piece_seed in HELD_BACK_SEEDS:
            piece_seed += len(HELD_BACK_SEEDS)
        plan = drawn_players(piece_seed) if self.any_players and rng.random() < self.any_players else None
        piece = compose(piece_seed, plan=plan, duration=seconds)
        captions = [caption(piece, rng) for _ in range(self.captions - 1)] + [describe(piece, rng)]
        return Clip(render(piece, sample_rate, self.soundfont), piece.plan, captions, piece.events)


def drawn_players(seed: int) -> MusicPlan:
    """Return a plan of one to five players of different classes, any of them, drums in every second."""
    rng = np.random.default_rng((seed, 5))
    pitched = [name for name in CLASS_NAMES if name != "drums"]
    kinds = rng.choice(pitched, size=int(rng.integers(1, 5)), replace=False)
    players = [str(rng.choice(CLASSES[kind])) for kind in kinds]
    if rng.random() < 0.5:
        players.append("drums")
    return MusicPlan(instruments=tuple(players))


class CorpusClips:
    """Clips of a dataset folder with `metadata.jsonl`, or of one of its splits where it is split.

    Args:
        folder: where the dataset lies, as `python -m augmentation compose` or `build` has written it.
        split: which one is meant where the folder holds several.

    Raises:
        RequestError: there are no rows.
    """

    def __init__(self, folder: str, split: str = "train") -> None:
        whole, part = Path(folder), Path(folder) / split
        self.folder = part if (part / METADATA).is_file() and not (whole / METADATA).is_file() else whole
        self.rows = read_rows(self.folder)

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, index: int) -> str:
        """Return what messages call clip `index`: its file."""
        return str(self.rows[index].get("file_name", f"row {index + 1} of {METADATA}"))

    def path(self, index: int) -> Path:
        """Audio file of clip `index`.

        Raises:
            KeyError: its row names none.
        """
        return self.folder / self.rows[index]["file_name"]

    def recording(self, index: int) -> str:
        """Return what clip `index` was cut from, its own file where the row does not say."""
        return str(self.rows[index].get("recording") or self.rows[index].get("source") or self.name(index))

    def words(self, index: int) -> tuple[MusicPlan, list[str]]:
        """Plan and captions of clip `index`, as far as `LONGEST_SECONDS` go; `main_caption` first.

        Raises:
            ValueError, KeyError: the row cannot be used.
        """
        row = self.rows[index]
        captions = [row["main_caption"], row.get("alt_caption") or row["main_caption"]]
        plan = reliable(plan_of(row), row)
        if plan.duration is not None and plan.duration > LONGEST_SECONDS:  # as the audio is cut
            plan = plan.crop(0.0, LONGEST_SECONDS)
        return plan, captions

    def read(self, index: int, sample_rate: int, seconds: float) -> Clip:
        """Read clip `index`, at most two minutes of it; `seconds` is not needed.

        Raises:
            OSError, ValueError, KeyError: the file or its row cannot be used.
        """
        audio, _ = read_audio(self.path(index), sample_rate, seconds=LONGEST_SECONDS)
        if not audio.size:
            raise ValueError("no samples")
        stereo = np.repeat(audio, 2, axis=0) if len(audio) == 1 else audio[:2]
        return Clip(stereo, *self.words(index))
