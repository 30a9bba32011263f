"""MusicBench's control sentences: one form each by number, a seeded choice of forms, captions put together from them.

Forms and probabilities are those of Mustango's augmentation module (Melechovsky et al., 2024). A fact that is not known
gives an empty sentence. Times are seconds, tempo is beats per minute (BPM).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from augmentation.captions import skeletons
from augmentation.captions.subject import sample
from munet.errors import RequestError
from munet.music import PITCH_NAMES_FLAT, PITCH_NAMES_SHARP, Key, MusicPlan, tempo_word

FACTS = ("chords", "beats", "bpm", "key")
FIELDS = MappingProxyType({"chords": "prompt_ch", "beats": "prompt_bt", "bpm": "prompt_bpm", "key": "prompt_key"})
PAPER_COUNTS = (0.25, 0.30, 0.20, 0.15, 0.10)  # probability of stating 0, 1, ... 4 facts, as published
SCRIPT_COUNTS = (0.15, 0.25, 0.30, 0.20, 0.10)  # the same in the script that was released
RESPELLED = 0.1  # share of sharps and flats written as their enharmonic equal

KEY_OR_SENTENCES = (
    "The key is {}, or {}.",
    "This song is in the key of {} or {}.",
    "This piece is either in the key of {} or {}.",
)
# By whether the volume rises, and whether the change begins the clip; slots {start} and {end} in seconds.
VOLUME_SENTENCES: Mapping[tuple[bool, bool], tuple[str, ...]] = MappingProxyType({
    (True, True): (
        "There is a crescendo from start until {end} seconds.", "The song starts with a crescendo.",
        "Increase the volume progressively!",
    ),
    (False, True): (
        "There is a decrescendo from start until {end} seconds.", "The song starts with a decrescendo.",
        "Decrease the volume progressively!",
    ),
    (True, False): (
        "There is a crescendo from {start} seconds on.",
        "At seconds {start}, the song starts to gradually increase in volume.",
        "Midway through the song, a crescendo starts.", "Increase the volume progressively!",
    ),
    (False, False): (
        "There is a decrescendo from {start} seconds on.",
        "After a few seconds, the song starts to decrease in volume.",
        "Midway through the song, a decrescendo starts.", "Decrease the volume progressively!",
    ),
})  # fmt: skip


A_FEW_SECONDS = (2.0, 6.0)
MIDWAY = (0.35, 0.65)  # share of the clip


# --- one sentence, its form given by number ---------------------------------------------------------------------------


def chord_sentence(symbols: Sequence[str], form: int) -> str:
    """Sentence that lists the chords, or "" without chords."""
    return skeletons.CHORD_SENTENCES[form].format(", ".join(symbols)) if symbols else ""


def beat_sentence(positions: Sequence[int], form: int, meter: int | None = None) -> str:
    """Sentence about the beats of a bar: `meter`, or else the highest position; "" with fewer than two beats."""
    return skeletons.BEAT_SENTENCES[form].format(meter or max(positions)) if len(positions) > 1 else ""


def tempo_sentence(bpm: float | None, form: int, word: bool = False) -> str:
    """Sentence about the tempo, as a number or as an Italian word; "" without one."""
    if not bpm:
        return ""
    if word:
        return skeletons.TEMPO_WORD_SENTENCES[form].format(tempo_word(bpm))
    return skeletons.TEMPO_NUMBER_SENTENCES[form].format(round(float(bpm), 1))


def key_name(key: str, word: int, respelled: bool = False) -> str:
    """Key as MusicBench writes it: "C#m", "Db maj", "E major".

    Args:
        key: What `Key.parse` reads.
        word: Which of the five words for its mode (`skeletons.MODE_WORDS`).
        respelled: Whether a sharp or flat is written as its enharmonic equal.
    """
    parsed = Key.parse(key)
    names, others = PITCH_NAMES_SHARP, PITCH_NAMES_FLAT
    if "b" in parsed.tonic:
        names, others = others, names
    tonic = others[names.index(parsed.tonic)] if respelled and parsed.tonic in names else parsed.tonic
    return tonic + _mode_words(parsed.mode)[word]


def _mode_words(mode: str) -> tuple[str, ...]:
    """The five words for a mode; those beside major and minor have one name only."""
    return skeletons.MODE_WORDS.get(mode) or (f" {mode}",) * len(skeletons.MODE_WORDS["major"])


def key_sentence(name: str | None, form: int, alternative: str | None = None) -> str:
    """Sentence about the key, as `key_name` writes it, with an alternative or without; "" without a key."""
    if not name:
        return ""
    if alternative:
        return KEY_OR_SENTENCES[form].format(name, alternative)
    return skeletons.KEY_SENTENCES[form].format(name)


def volume_sentence(rising: bool, start: float, end: float, form: int) -> str:
    """Sentence about a change of volume between two seconds; a `start` of 0 is the start of the clip."""
    return VOLUME_SENTENCES[rising, start == 0][form].format(start=f"{start:.2f}", end=f"{end:.2f}")


def volume_forms(rising: bool, start: float, duration: float | None) -> tuple[int, ...]:
    """Numbers of the forms that are true of a change of volume from `start` in a clip of `duration` seconds.

    "Midway" needs a start near the middle, "a few seconds" one from 2 to 6; without a duration neither is said.
    """
    share = start / duration if duration else 0.0
    limits = {"Midway": (share, MIDWAY), "After a few": (start if duration else 0.0, A_FEW_SECONDS)}
    return tuple(
        form
        for form, text in enumerate(VOLUME_SENTENCES[rising, start == 0])
        if all(low <= value <= high for words, (value, (low, high)) in limits.items() if text.startswith(words))
    )


# --- forms drawn ------------------------------------------------------------------------------------------------------


def draw_form(rng: np.random.Generator, options: Sequence[str]) -> int:
    """Number of one of some forms, each as likely."""
    return int(rng.integers(len(options)))


def _drawn_key(key: str, rng: np.random.Generator, respelled: bool) -> str:
    return key_name(key, draw_form(rng, _mode_words(Key.parse(key).mode)), respelled)


def control_sentences(plan: MusicPlan, rng: np.random.Generator, alternative_key: str | None = None) -> dict[str, str]:
    """Sentences that state the plan in the forms of MusicBench.

    Args:
        plan: The plan; a field it leaves open gives an empty sentence, and so do fewer than two beats or chords.
        rng: Source of the choice between forms.
        alternative_key: Second guess at the key.

    Returns:
        `chords`, `beats`, `bpm` and `key` sentences. Tempo is a number of beats per minute or an Italian word.
    """
    sentences = dict.fromkeys(FACTS, "")
    if plan.chords and all(symbol == "N" for symbol, _ in plan.chords):
        plan = plan.with_(chords=None, key=None)  # nobody plays a pitch
    if len({symbol for symbol, _ in plan.chords or ()}) > 1:  # one chord is no progression
        form = draw_form(rng, skeletons.CHORD_SENTENCES)
        sentences["chords"] = chord_sentence([symbol for symbol, _ in plan.chords], form)
    if plan.beats and len(plan.beats) > 1:
        form = draw_form(rng, skeletons.BEAT_SENTENCES)
        sentences["beats"] = beat_sentence([position for _, position in plan.beats], form, plan.meter)
    if plan.bpm:
        word = rng.random() < 0.5
        forms = skeletons.TEMPO_WORD_SENTENCES if word else skeletons.TEMPO_NUMBER_SENTENCES
        sentences["bpm"] = tempo_sentence(plan.bpm, draw_form(rng, forms), word)
    if plan.key:
        respelled = rng.random() < RESPELLED
        form = draw_form(rng, skeletons.KEY_SENTENCES)
        name = _drawn_key(plan.key, rng, respelled)
        other = _drawn_key(alternative_key, rng, rng.random() < RESPELLED) if alternative_key else None
        sentences["key"] = key_sentence(name, form, other)
    return sentences


def assemble(
    caption: str,
    sentences: Mapping[str, str],
    rng: np.random.Generator,
    counts: Sequence[float] = PAPER_COUNTS,
    volume: str = "",
) -> str:
    """Caption with some control sentences behind it.

    Args:
        caption: Caption without control sentences.
        sentences: Sentences by fact; empty ones are drawn like the others and leave nothing.
        rng: Source of their number, choice and order.
        counts: Probability of 0, 1, 2, ... of them (`PAPER_COUNTS`, `SCRIPT_COUNTS`).
        volume: Sentence that always comes last.

    Raises:
        RequestError: If the probabilities do not sum up to 1 or are more than there are sentences to draw.
    """
    if len(counts) > len(sentences) + 1 or abs(sum(counts) - 1) > 1e-9 or min(counts) < 0:
        raise RequestError(f"counts: expected up to {len(sentences) + 1} probabilities that sum up to 1, got {counts}")
    count = int(np.searchsorted(np.cumsum(counts)[:-1], rng.random(), side="right"))
    stated = [sentences[fact] for fact in sample(rng, tuple(sentences), count)]
    behind = [text for text in (*stated, volume) if text]
    stop = "" if not behind or not caption or caption.rstrip().endswith((".", "!", "?")) else "."
    return " ".join([caption.strip() + stop, *behind]).strip()


# --- sentences read back ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fact:
    """What a control sentence states: `kind` is one of `FACTS`, "word" (tempo word), "keys" (two) or "volume"."""

    kind: str
    value: str


def _reader(kind: str, forms: Sequence[str]) -> tuple[str, re.Pattern[str]]:
    patterns = (re.escape(form).replace(r"\{\}", "(.+)") for form in forms)
    return kind, re.compile("|".join(patterns))


_READERS = (  # the narrower forms first: "beats per minute" ends the number forms only
    _reader("chords", skeletons.CHORD_SENTENCES),
    _reader("beats", skeletons.BEAT_SENTENCES),
    _reader("bpm", skeletons.TEMPO_NUMBER_SENTENCES),
    _reader("keys", KEY_OR_SENTENCES),
    _reader("key", skeletons.KEY_SENTENCES),
    _reader("word", skeletons.TEMPO_WORD_SENTENCES),
)


def read_sentence(text: str) -> Fact | None:
    """Fact that a control sentence states, or None for any other sentence.

    The value is as written: "C, Am7/G", "3", "120.0", "Allegro", "A# min", "Am or CM" (for two keys); the whole
    sentence for a change of volume.
    """
    for kind, pattern in _READERS:
        if match := pattern.fullmatch(text.strip()):
            return Fact(kind, " or ".join(part for part in match.groups() if part))
    changes = r"(de)?crescendo|(in|de)crease (in|the) volume"
    return Fact("volume", text.strip()) if re.search(changes, text, re.IGNORECASE) else None
