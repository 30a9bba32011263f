"""The table of `docs/benchmark.md`: `mustango evaluate` on 100 rows of MusicBench, put between the page's two marks.

    python benchmarks/musicbench_adherence.py musicbench_dev.jsonl [--out DIR --limit 100 --workers 2]

Writes the table into the page and the report to benchmarks/results/musicbench_adherence.json. What is already in DIR
is not made or heard again. The ceiling depends on the soundfont (`MUSTANGO_SOUNDFONT`), whose name stands above the
table.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from augmentation.compose.renderer import default_soundfont
from munet.files import atomic_path
from mustango_app.evaluation.measure import write_json
from mustango_app.evaluation.run import EvaluateSettings, evaluate, report_table

ROOT = Path(__file__).resolve().parents[1]
PAGE, RESULTS = ROOT / "docs" / "benchmark.md", ROOT / "benchmarks" / "results" / "musicbench_adherence.json"
BEGIN, END = "<!-- pocket-100: begin -->", "<!-- pocket-100: end -->"


def put_between(text: str, content: str) -> str:
    """Return `text` with `content` in place of all that stands between the marks.

    Raises:
        ValueError: the marks are not there once each, in their order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in after:
        raise ValueError(f"page: expected {BEGIN} and {END} once each, got another text")
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"


def main() -> None:
    """Run the evaluation and write page and results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out/musicbench_adherence"))
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    settings = EvaluateSettings(options.rows, options.out, limit=options.limit, workers=options.workers, plots=False)
    report = evaluate(settings)
    for place in ("rows", "out"):  # paths of this machine
        report["settings"][place] = Path(report["settings"][place]).name
    table = f"Soundfont of the ceiling: {default_soundfont().name}.\n\n{report_table(report)}"
    with atomic_path(PAGE) as partial:
        partial.write_text(put_between(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")
    write_json(RESULTS, report)
    print(report_table(report))


if __name__ == "__main__":
    main()
