"""The low-quality filter: every keyword of the paper, its reason, and the report."""

from __future__ import annotations

import pytest

from augmentation.dataset.quality import REASONS, filter_rows, low_quality

CAPTIONS = {
    "The low quality recording features a rock song.": ("low quality", "low quality"),
    "A Low-Quality live take.": ("low quality", "Low-Quality"),
    "The audio quality is low, but the band is good.": ("low quality", "quality is low"),
    "A low fidelity home recording.": ("low fidelity", "low fidelity"),
    "A lo-fi beat of low-fidelity drums.": ("low fidelity", "low-fidelity"),
    "The audio quality is poor.": ("poor quality", "quality is poor"),
    "A recording of poor quality.": ("poor quality", "poor quality"),
    "The quality of this amateur recording\nis very poor.": ("poor quality", None),
    "A high-quality studio recording.": ("mentions quality", "quality"),
    "It has a hypnotic quality.": ("mentions quality", "quality"),
    "Voices with soulful qualities? No: a flute.": None,
    "A lo-fi beat for studying.": None,
    "A poor man's blues with low drums.": None,
    "": None,
}


@pytest.mark.parametrize(("caption", "expected"), CAPTIONS.items())
def test_every_keyword_and_its_reason(caption: str, expected: tuple[str, str | None] | None) -> None:
    found = low_quality(caption)
    if expected is None:
        assert found is None
    else:
        assert found[0] == expected[0] and (expected[1] is None or found[1] == expected[1])


def test_report_says_what_was_dropped_and_why() -> None:
    rows = [{"location": f"data/{i}.wav", "main_caption": caption} for i, caption in enumerate(CAPTIONS)]
    report = filter_rows(rows)
    assert list(report.kept) == [row for row in rows if CAPTIONS[row["main_caption"]] is None]
    assert all(kept is rows[int(kept["location"][5:-4])] for kept in report.kept)
    assert [(row.index, row.name, row.reason) for row in report.dropped] == [
        (i, f"data/{i}.wav", expected[0]) for i, expected in enumerate(CAPTIONS.values()) if expected
    ]
    assert report.summary() == {
        "rows": 14,
        "kept": 4,
        "dropped": 10,
        "reasons": {"low quality": 3, "low fidelity": 2, "poor quality": 3, "mentions quality": 2},
    }
    assert list(report.summary()["reasons"]) == list(REASONS)


def test_nothing_dropped() -> None:
    assert filter_rows([]).summary() == {"rows": 0, "kept": 0, "dropped": 0, "reasons": {}}


def test_other_caption_and_missing_caption() -> None:
    rows = [{"id": "x", "main_caption": "fine", "alt_caption": "low quality"}]
    assert filter_rows(rows, "alt_caption").dropped[0].name == "x"
    with pytest.raises(ValueError, match="alt_caption: expected a caption in row 1, got None"):
        filter_rows([*rows, {"main_caption": "fine"}], "alt_caption")
