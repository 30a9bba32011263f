"""The page's words: every language has them all, and the browser's wish decides."""

from __future__ import annotations

import re
import string
import tomllib
from pathlib import Path

import pytest

from augmentation.compose.styles import STYLES
from munet.errors import RequestError
from munet.music.checks import ENERGIES
from munet.music.instruments import CLASS_NAMES, INSTRUMENT_NAMES
from mustango_app.page.fields import AT, NAMES, source_line, unused
from mustango_app.page.words import FIRST, FOLDER, languages, translations, words_for
from mustango_app.request import Request

TABLES = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.toml")}
ROOT = Path(__file__).parents[3]
ENGLISH, CHINESE = words_for("en"), words_for("zh-CN")


def places(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", sorted(TABLES))
def test_a_language_says_nothing_that_english_does_not_and_fills_the_same_places(code: str) -> None:
    english, own = TABLES[FIRST]["words"], TABLES[code]["words"]
    assert set(own) <= set(english)
    for name, text in own.items():
        assert places(text) == places(english[name]), name
    for english, text in TABLES[code].get("sentences", {}).items():
        assert places(text) == places(english), english


@pytest.mark.parametrize("code", sorted(TABLES))
def test_sentences_are_those_that_the_other_rooms_say(code: str) -> None:
    """What lies between the places of a template is written somewhere in the code or in the words it reads."""
    folders = [ROOT / name for name in ("munet", "augmentation", "mustango_app")]
    files = [path for folder in folders for kind in ("*.py", "en.toml") for path in folder.rglob(kind)]
    said = "\n".join(path.read_text(encoding="utf-8") for path in files)
    said = re.sub(r'"\s*\n\s*f?"', "", said)  # of a sentence over several lines
    for english in TABLES[code].get("sentences", {}):
        for part in re.split(r"\{\w+\}", english):
            assert part in said, english


def test_chinese_leaves_only_notation_to_english() -> None:
    notation = {"placeholder_bpm", "placeholder_meter", "placeholder_chords", "placeholder_sections"}
    assert set(TABLES["en"]["words"]) - set(TABLES["zh"]["words"]) == notation


def test_chinese_has_a_name_for_each_style_energy_and_instrument() -> None:
    names = TABLES["zh"]["names"]
    assert set(names) == {*STYLES, *ENERGIES, *INSTRUMENT_NAMES, *CLASS_NAMES}
    assert len(set(names.values())) == len(names), "two that look the same cannot be told apart"
    assert CHINESE.sentence("not among the instruments: piano, warm pad plays") == "没有这种乐器，改用 钢琴, 温暖铺底"  # noqa: RUF001
    assert ENGLISH.sentence("piano, warm pad") == "piano, warm pad"


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


@pytest.mark.parametrize(
    "prompt",
    ["a waltz for ukulele, 90 bpm, with female vocals and reverb in the style of Taylor Swift",
     "techno at 60 bpm, slow",
     "only piano and then drums", "starts at 80 bpm and gets faster, C major, in D minor, 90 bpm, 120 bpm, 3/4 and 4/4",
     "ballad 900 seconds long, fade out", "half-time feel in the chorus, 140 bpm", "i vi iii", "музыка",
     "[intro 4 bars] a [verse 400 bars] b", "vinyl crackle and 90 seconds of rain, 20 s", "half notes, 2/2",
     "dotted quarter = 60, 6/8, no drums", "three-four time, 5/4", "at 140 bpm, a loud verse, then a half-time chorus",
     "C major, modulates to E minor, 20 s, am f c g with capo 2"],
)  # fmt: skip
def test_notes_on_words_and_sources_are_said_in_chinese(prompt: str) -> None:
    draft = Request(prompt, seed=0).draft
    told = [CHINESE.sentence(why) for _, why in unused(draft.plan)]
    told += [source_line("key", draft.plan, source, CHINESE) for source in draft.sources.values()]
    for sentence in told:
        assert re.search("[\u4e00-\u9fff]", sentence), sentence


@pytest.mark.parametrize(
    ("asked", "field", "expected"),
    [
        ({"chords": "| G | Xyz |"}, "和弦", "一个和弦标记"),
        ({"key": "Q"}, "调", "一个调"),
        ({"meter": "99"}, "拍号", "1 到 15 之间的整数"),
        ({"sections": [{"name": "a", "bars": 4}], "seconds": 5, "bpm": 120}, "长度", "各段落的总长度 8 s"),
    ],
)
def test_refusals_of_the_fields_are_said_in_chinese(asked: dict[str, object], field: str, expected: str) -> None:
    with pytest.raises(RequestError) as refused:
        Request("music", seed=0, **asked)
    sentence = CHINESE.refusal(refused.value, AT)[1]
    assert sentence.startswith(field) and expected in sentence and "expected" not in sentence


def test_what_is_unknown_stays_as_it_is_and_echoes_are_cut() -> None:
    assert CHINESE.sentence("something else that nobody translated") == "something else that nobody translated"
    assert ENGLISH.sentence("the argument wins") == "the argument wins"
    long = ENGLISH.refusal(RequestError(f"chords: expected a line of chord symbols, got {'C' * 2000}"), AT)[1]
    assert len(long) < 250 and long.endswith("…")


def test_one_and_many() -> None:
    assert ENGLISH.count("done", 1) == "Done: 1 clip."
    assert ENGLISH.count("done", 3) == "Done: 3 clips."


def test_gradio_gets_a_lock_for_every_field_in_every_language() -> None:
    for code in languages():
        assert {f"lock_{name}" for name in NAMES} <= set(translations()[code])
    assert translations()["en"]["lock_bpm"] == "Lock Tempo"
    assert translations()["zh"]["lock_bpm"] == "锁定速度"
