"""The table on the page comes from the committed report."""

from __future__ import annotations

import json

import pytest

from benchmarks.musicbench_adherence import BEGIN, END, PAGE, RESULTS, put_between
from mustango_app.evaluation.run import report_table


def test_content_is_put_between_the_marks() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter"
    assert put_between(page, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter"
    assert put_between(put_between(page, "new"), "newer") == put_between(page, "newer")


@pytest.mark.parametrize("page", ["nothing", f"{END} {BEGIN}", f"{BEGIN} only", f"{BEGIN} {END} {BEGIN} {END}"])
def test_a_page_without_its_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="page: expected"):
        put_between(page, "new")


def test_the_page_shows_the_report() -> None:
    report = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert report_table(report) in PAGE.read_text(encoding="utf-8")
    assert set(report["rows"]) == {"generated", "ceiling", "chance"}
