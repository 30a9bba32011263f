"""The page's words: every language has them all, and the browser's wish decides."""

from __future__ import annotations

import re
import string
import tomllib

import pytest

from munet.errors import RequestError
from mustango_app.page.fields import AT, NAMES
from mustango_app.page.words import FIRST, FOLDER, languages, translations, words_for

TABLES = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.toml")}
ENGLISH, CHINESE = words_for("en"), words_for("zh-CN")


def places(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", sorted(TABLES))
def test_a_language_says_nothing_that_english_does_not_and_fills_the_same_places(code: str) -> None:
    english, own = TABLES[FIRST]["words"], TABLES[code]["words"]
    assert set(own) <= set(english)
    for name, text in own.items():
        assert places(text) == places(english[name]), name
    for pattern, text in TABLES[code].get("expected", {}).items():
        assert len(places(text)) == re.compile(pattern).groups


def test_chinese_leaves_only_notation_to_english() -> None:
    notation = {"placeholder_bpm", "placeholder_meter", "placeholder_chords"}
    assert set(TABLES["en"]["words"]) - set(TABLES["zh"]["words"]) == notation


@pytest.mark.parametrize(
    ("accepted", "code"),
    [(None, "en"), ("", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("ZH", "zh"), ("fr,zh;q=0.2", "zh"),
     ("en-GB,zh;q=0.5", "en"), ("zh;q=0.1,en;q=0.9", "en"), ("xx;q=nonsense,*", "en"), ("," * 10_000, "en")],
)  # fmt: skip
def test_the_browsers_wish_decides(accepted: str | None, code: str) -> None:
    assert words_for(accepted).code == code


def test_refusals_are_said_in_the_visitors_language() -> None:
    error = RequestError("bpm: expected a number from 30 to 300, got '5000'")
    assert ENGLISH.refusal(error, AT) == ("bpm", "Tempo (BPM): expected a number from 30 to 300, got '5000'")
    assert CHINESE.refusal(error, AT) == ("bpm", "速度 (BPM)：应为30 到 300 之间的数字，得到的是 '5000'")  # noqa: RUF001
    nothing = RequestError("audio: expected a recording, got none")
    assert CHINESE.refusal(nothing, AT)[1] == "录音：应为录音，得到的是 空"  # noqa: RUF001
    assert CHINESE.refusal(RequestError("bpm is wrong"), AT) == (None, "bpm is wrong")


def test_one_and_many() -> None:
    assert ENGLISH.count("done", 1) == "Done: 1 clip."
    assert ENGLISH.count("done", 3) == "Done: 3 clips."


def test_gradio_gets_a_lock_for_every_field_in_every_language() -> None:
    for code in languages():
        assert {f"lock_{name}" for name in NAMES} <= set(translations()[code])
    assert translations()["en"]["lock_bpm"] == "Lock Tempo"
    assert translations()["zh"]["lock_bpm"] == "锁定速度"
