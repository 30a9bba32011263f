"""Splits: by recording however rows are keyed, as the metadata ask, as near to the shares as whole recordings allow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from augmentation.compose.composer import compose
from augmentation.compose.renderer import render
from augmentation.dataset.builder import build_dataset
from augmentation.dataset.clips import BuildConfig
from augmentation.dataset.sources import Source
from augmentation.dataset.splits import SPLITS, asked_split, decide, grouped
from munet.errors import RequestError

SHARES = {"validation": 0.2, "test": 0.3}


def source(index: int, name: str, path: str | None = None, **row: Any) -> Source:
    return Source(index, name, "A caption.", path, row=row)


def test_rows_are_one_recording_by_id_file_video_and_sound() -> None:
    sources = [
        source(0, "a", "x.flac"),
        source(1, "b", "y.flac"),
        source(2, "a", "z.flac"),  # the same ID as 0
        source(3, "c", "y.flac"),  # the same file as 1
        source(4, "d", "v.flac", ytid="T"),
        source(5, "e", "w.flac", ytid="T"),  # the same video as 4
        source(6, "f", "q.flac"),  # sounds like 3, and so belongs to 1
        source(7, "g", None),
        source(8, "h", None),  # files that are missing say nothing
    ]
    assert grouped(sources, [("y.flac", "q.flac")]) == ["a", "b", "a", "b", "d", "d", "b", "g", "h"]


def test_shares_are_met_and_the_seed_decides() -> None:
    names = [str(number) for number in range(200)]
    splits, remarks = decide(names, [None] * 200, SHARES, seed=1)
    assert [list(splits.values()).count(split) for split in SPLITS] == [100, 40, 60] and not remarks
    assert decide(names, [None] * 200, SHARES, seed=1)[0] == splits != decide(names, [None] * 200, SHARES, seed=2)[0]


def test_few_recordings_leave_no_split_empty_unless_it_must_be_and_then_it_is_said() -> None:
    three, remarks = decide(["a", "b", "c"], [None] * 3, {"validation": 0.05, "test": 0.05}, 0)
    assert sorted(three.values()) == ["test", "train", "validation"] and not remarks
    one, remarks = decide(["a", "a"], [None] * 2, {"validation": 0.05, "test": 0.05}, 0)
    assert one == {"a": "train"}
    assert remarks == ["validation: no recording is left for this split", "test: no recording is left for this split"]


def test_the_metadata_decide_and_of_two_answers_the_one_held_back() -> None:
    splits, remarks = decide(
        ["a", "b", "a", "c"], ["train", None, "test", "validation"], {"validation": 0, "test": 0}, 0
    )
    assert splits == {"a": "test", "b": "train", "c": "validation"}
    assert remarks == ["a: rows of one recording ask for test and train, all of them go to test"]


def test_what_was_decided_stays() -> None:
    names = [str(number) for number in range(30)]
    before, _ = decide(names, [None] * 30, SHARES, 1)
    after, _ = decide([*names, "new", "newer"], [None] * 32, SHARES, 2, before)
    assert {name: after[name] for name in names} == before


@pytest.mark.parametrize(
    ("value", "split"),
    [("train", "train"), ("Dev", "validation"), ("TRUE", "test"), (True, "test"), (False, None), ("", None)],
)
def test_words_for_splits(value: Any, split: str | None) -> None:
    assert asked_split(source(0, "a", split=value), "split") == split
    assert asked_split(source(0, "a", is_audioset_eval_mcaps=value), "is_audioset_eval") == split


def test_a_column_that_does_not_decide_is_refused() -> None:
    assert asked_split(source(0, "a"), None) is None
    with pytest.raises(RequestError, match="split-by: expected the column 'fold' in each row, got none for 'a'"):
        asked_split(source(0, "a"), "fold")
    with pytest.raises(RequestError, match="expected train, validation, test or a flag in 'fold', got '3' for 'a'"):
        asked_split(source(0, "a", fold="3"), "fold")


def test_no_sound_is_in_two_splits(tmp_path: Path) -> None:
    """Excerpts, duplicates and re-encodings under names of their own."""
    rows = []
    for seed in range(6):
        audio = render(compose(seed, duration=12.0), 16000, None)
        cut = audio[:, 30_000 : 30_000 + 8 * 16000]
        for name, sound in (("whole.flac", audio), ("copy.wav", audio), ("part.flac", cut), ("lossy.mp3", 0.5 * audio)):
            soundfile.write(tmp_path / f"{seed}_{name}", np.clip(sound.T, -1, 1), 16000)
            rows.append({"file": f"{seed}_{name}", "caption": "A piece."})
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {"sample_rate": 8000, "clip_seconds": 1.0, "labels": ("metadata",), "pitch": (), "tempo_versions": 0,
              "volume_versions": 0, "validation": 0.3, "test": 0.3}  # fmt: skip
    report = build_dataset(BuildConfig(str(tmp_path / "rows.jsonl"), str(tmp_path), **config), tmp_path / "out")
    places = [json.loads(line) for line in (tmp_path / "out" / "splits.jsonl").read_text().splitlines()]
    assert report["rows"] == 24 and {place["split"] for place in places} == set(SPLITS)
    for seed in range(6):
        own = places[4 * seed : 4 * seed + 4]
        assert len({place["split"] for place in own}) == len({place["recording"] for place in own}) == 1
    assert len({place["recording"] for place in places}) == 6


def test_a_row_that_joins_two_splits_is_said_and_moves_nothing(tmp_path: Path) -> None:
    from augmentation.dataset.placing import place_sources
    from augmentation.workers import run_in_processes

    config = BuildConfig("rows.jsonl", ".", fingerprints=False, validation=0.0, test=0.5)
    sources = [source(index, name, f"{name}.flac") for index, name in enumerate("abcd")]
    places, remarks = place_sources(config, tmp_path, sources, run_in_processes, 1, (0, 1))
    assert sorted(place.split for place in places.values()) == ["test", "test", "train", "train"] and not remarks
    held = next(index for index, place in places.items() if place.split == "test")
    kept = next(index for index, place in places.items() if place.split == "train")
    more = [*sources, source(4, sources[held].id, sources[kept].path)]
    after, remarks = place_sources(config, tmp_path, more, run_in_processes, 1, (0, 1))
    assert {index: after[index] for index in places} == places and after[4].split == "test"
    assert len(remarks) == 1 and "new rows join recordings that lie in different splits already" in remarks[0]
