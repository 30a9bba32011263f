"""The status lines: said again they are announced again, and no path of the server stands in them."""

from __future__ import annotations

import pytest

from munet.errors import RequestError
from mustango_app.page.status import refused, status, without_folders
from mustango_app.page.words import words_for


def test_a_sentence_said_twice_is_another_line() -> None:
    first, second = status("Ready."), status("Ready.")
    assert first != second
    assert first.endswith(">Ready.</p>")


def test_what_people_typed_is_no_html() -> None:
    assert "&lt;b&gt;" in refused(RequestError("key: expected a key, got '<b>'"), words_for("en"))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("audio: expected audio, got '/tmp/gradio/5f/clip.wav'", "audio: expected audio, got 'clip.wav'"),
        (r"audio: expected audio, got 'C:\Temp\clip.wav'", "audio: expected audio, got 'clip.wav'"),
        ("meter: expected an integer, got '3/x'", "meter: expected an integer, got '3/x'"),
    ],
)
def test_a_refusal_names_a_file_without_its_folder_and_leaves_all_else(said: str, told: str) -> None:
    assert str(without_folders(RequestError(said))) == told
