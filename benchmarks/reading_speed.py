"""How long the planner takes to read a prompt, and a hostile text of 2,000 characters.

    python benchmarks/reading_speed.py [PROMPTS.jsonl]

PROMPTS: rows with `prompt` (the tests' prompts by default). Times are processor milliseconds on this machine, caches
emptied before each text.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import string
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from augmentation.reading import lexer, stated
from munet.music import PlanError
from mustango_app.planning.planner import plan_from_text

PROMPTS = Path(__file__).parents[1] / "tests/mustango_app/planning/prompts.jsonl"
LENGTH = 2000
NOISES = (
    "A ", "A minor, ", "Am F C G ", "C1", "C(b5", "Cb5#9", "I V ", "->", "10s-", "beat ", "tempo ", "key of ", "3",
    "the chords are ", "one hundred and ", "[verse]", "[", "no drums, ", "only piano and ", "like Aa ", "1/", "0:",
    "C major or ", "minor ", "piano - ", "\u65e5\u672c", "\u2669",
)  # fmt: skip


def milliseconds(text: str, task: Callable[[str], object]) -> float:
    """Return the processor time of a task on a text, in milliseconds."""
    lexer.lex.cache_clear()
    stated.read.cache_clear()
    begin = time.process_time()
    with contextlib.suppress(PlanError):
        task(text)
    return 1000 * (time.process_time() - begin)


def hostile() -> list[str]:
    """Return texts of 2,000 characters that repeat what the readers look at, and random ones."""
    rng = random.Random(0)
    letters = string.printable[:95] + "\u266f\u266d\u00e9\u65e5\n"
    noise = ["".join(rng.choice(letters) for _ in range(LENGTH)) for _ in range(10)]
    return [(text * LENGTH)[:LENGTH] for text in NOISES] + noise


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="time that reading takes")
    parser.add_argument("prompts", type=Path, nargs="?", default=PROMPTS, help="a .jsonl file of rows with a prompt")
    rows = parser.parse_args().prompts.read_text(encoding="utf-8").splitlines()
    prompts = [json.loads(row)["prompt"] for row in rows]
    plan_from_text(prompts[0])  # the vocabulary is read once
    for name, texts in (("prompts", prompts), ("hostile texts", hostile())):
        for what, task in (("reading", stated.read), ("whole plan", plan_from_text)):
            times = [milliseconds(text, task) for text in texts]
            figures = f"median {median(times):6.2f} ms  longest {max(times):6.2f} ms"
            print(f"{name:14} {what:11} {len(times):4} texts  {figures}")


if __name__ == "__main__":
    main()
