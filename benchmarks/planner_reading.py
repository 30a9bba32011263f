"""How exactly the planner reads what captions state: exact-read rates on rows of MusicBench.

    python benchmarks/planner_reading.py ROWS.jsonl [--errors FIELD]

A field counts where the row's `prompt_music` (the control sentences) states it and the row holds its value. For rows
whose caption a language model rephrased, a second figure leaves out captions that no longer carry the value: the check
is crude (the digits, the tempo word, the note or the first two chord symbols occur in the caption), so it is a bound.
Truth: bpm to 0.05, or inside the bin of the stated tempo word; metre = highest beat position; the first of the keys;
the whole list of chords.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

from augmentation.reading.fields import read_bpm, read_chords, read_key, read_meter
from munet.music import TEMPO_WORDS, Chord, Key

FIELDS = ("bpm", "meter", "key", "chords")
STATED = MappingProxyType(
    {
        "bpm": r"bpm|per minute|\b(?:" + "|".join(TEMPO_WORDS) + r")\b",
        "meter": r"beat (?:is|counts)|time signature",
        "key": r"\bkey\b",
        "chords": r"\bchord",
    }
)
COUNTS = MappingProxyType({1: "one", 2: "two", 3: "three|triple|waltz", 4: "four|common"})


def truths(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield (field, true value) of the fields that the row's control sentences state."""
    keys = [name for name in row["key"] or () if name]
    values = {"bpm": row["bpm"], "meter": int(max(row["beats"][1], default=0)), "key": keys[0] if keys else None}
    values["chords"] = tuple(row["chords"] or ())
    for field in FIELDS:
        if values[field] and re.search(STATED[field], row["prompt_music"]):
            yield field, values[field]


def _bin(prompt: str) -> tuple[float, float] | None:
    words = [word for word in TEMPO_WORDS if re.search(rf"\b{word}\b", prompt)]
    return TEMPO_WORDS[words[0]] if words and not re.search("bpm|per minute", prompt) else None


def right(field: str, truth: Any, read: Any, prompt: str) -> bool:
    """Whether the value read equals the truth, enharmonic spelling aside."""
    if read is None:
        return False
    if field == "bpm":
        bounds = _bin(prompt)
        return bounds[0] < read <= bounds[1] if bounds else abs(read - truth) < 0.05
    if field == "key":
        true = Key.parse(truth)
        return (read.tonic_pc, read.mode) == (true.tonic_pc, true.mode)
    if field == "chords":
        return [Chord.parse(name).harte() for name in read] == [Chord.parse(name).harte() for name in truth]
    return read == truth


def carried(field: str, truth: Any, caption: str, prompt: str) -> bool:
    """Whether the caption still holds the value, roughly."""
    if field == "bpm":
        words = [word for word in TEMPO_WORDS if re.search(rf"\b{word}\b", prompt)]
        return bool(re.search(rf"\b{truth:g}\b" + "".join(rf"|\b{word}\b" for word in words), caption, re.IGNORECASE))
    if field == "meter":
        return bool(re.search(rf"\b{truth}\b(?!\.\d)|\b(?:{COUNTS.get(truth, truth)})\b", caption, re.IGNORECASE))
    if field == "key":
        match = re.search(r"(?:key of|key is|song is) ([A-G][#b]?) ?(\w+)", prompt)
        return not match or bool(re.search(rf"\b{re.escape(match[1])}[ -]?(?:m\b|M\b|maj|min|Maj|Min)", caption))
    return all(re.search(rf"(?<![\w#]){re.escape(name)}(?![\w#])", caption) for name in truth)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="exact-read rates of the planner's readers")
    parser.add_argument("rows", type=Path, help="a .jsonl file of MusicBench rows")
    parser.add_argument("--errors", choices=FIELDS, help="also print the captions where this field is misread")
    args = parser.parse_args()
    readers = {"bpm": read_bpm, "meter": read_meter, "key": read_key, "chords": read_chords}
    counts: dict[tuple[bool, str, str], list[int]] = {}
    for line in args.rows.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        caption, prompt, rephrased = row["main_caption"], row["prompt_music"], bool(row["rephrased"])
        for field, truth in truths(row):
            read = readers[field](caption)
            good = right(field, truth, read, prompt)
            still = not rephrased or carried(field, truth, caption, prompt)
            for kind in ("all", "carried") if still else ("all",):
                count = counts.setdefault((rephrased, field, kind), [0, 0])
                count[0] += good
                count[1] += 1
            if field == args.errors and not good:
                print(f"{'carried' if still else 'gone'} true={truth} read={read}\n  {caption}\n  {prompt}")
    print(f"{'field':8}{'control sentences':>22}{'rephrased, all':>22}{'rephrased, carried':>22}")
    for field in FIELDS:
        cells = [
            counts.get(name, [0, 0]) for name in ((False, field, "all"), (True, field, "all"), (True, field, "carried"))
        ]
        print(f"{field:8}" + "".join(f"{f'{good}/{n} = {100 * good / max(n, 1):.1f} %':>22}" for good, n in cells))


if __name__ == "__main__":
    main()
