"""The planner: explicit arguments before the text before priors, complete and repeatable plans, honest provenance."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augmentation.compose.styles import STYLES
from augmentation.reading import priors
from munet.music import Chord, Key, MusicPlan, PlanError, beat_grid
from munet.music.degrees import degree_chord
from mustango_app.planning.planner import explain, plan_from_text

CORE = ("bpm", "meter", "key", "chords", "duration")
FULL = "A tune in E minor at 120 bpm in 3/4. The chords are Em, C, G, D. It lasts 12 seconds."


def test_everything_stated_is_taken() -> None:
    plan = plan_from_text(FULL)
    assert (plan.bpm, plan.meter, plan.key, plan.duration) == (120.0, 3, "E minor", 12.0)
    assert plan.beats == beat_grid(120, 3, 12)
    assert plan.chords[:5] == (("Em", 0.0), ("C", 1.5), ("G", 3.0), ("D", 4.5), ("Em", 6.0))
    assert {explain(FULL)[name] for name in CORE} == {"stated"}


def test_explicit_arguments_win() -> None:
    fixed = {"bpm": 90, "meter": 4, "key": "G", "chords": "G D/F#", "seconds": 8}
    plan = plan_from_text(FULL, **fixed)
    assert (plan.bpm, plan.meter, plan.key, plan.duration) == (90.0, 4, "G major", 8.0)
    assert [symbol for symbol, _ in plan.chords] == ["G", "D/F#", "G"]
    assert {explain(FULL, **fixed)[name] for name in CORE} == {"given"}


def test_none_is_not_given() -> None:
    fixed = dict.fromkeys(("bpm", "meter", "key", "chords", "beats", "duration", "seconds", "seed"))
    assert plan_from_text(FULL, **fixed) == plan_from_text(FULL)


@pytest.mark.parametrize(
    "chords", ["Am F", ["Am", "F"], ("Am", "F"), "Am@0 F@2", [("Am", 0), ("F", 2.0)], [["Am", 0.0], ["F", 2]]]
)
def test_forms_of_chords(chords: object) -> None:
    plan = plan_from_text("", chords=chords, bpm=120, meter=4, duration=4)
    assert plan.chords == (("Am", 0.0), ("F", 2.0))
    assert plan.key == "A minor"


def test_degrees_use_the_key_given() -> None:
    plan = plan_from_text("I V vi IV in C", key="D major", bpm=60, meter=4, duration=16)
    assert [symbol for symbol, _ in plan.chords] == ["D", "A", "Bm", "G"]


def test_key_of_stated_chords_is_estimated() -> None:
    text = "a progression of G, D, Em, C"
    assert plan_from_text(text).key == "G major"
    assert explain(text)["key"] == "from the chords"
    assert explain(text)["chords"] == "stated"


def test_beats_given_decide_tempo_and_metre() -> None:
    beats = [(0.25 + 0.5 * i, i % 3 + 1) for i in range(12)]
    plan = plan_from_text("a march at 90 bpm in 4/4", beats=beats)
    assert (plan.bpm, plan.meter, plan.beats) == (120.0, 3, tuple(beats))
    sources = explain("a march at 90 bpm in 4/4", beats=beats)
    assert sources["bpm"] == sources["meter"] == "from the beats"


def test_what_is_given_outlasts_a_stated_duration() -> None:
    assert plan_from_text("5 seconds of rain", chords="G@0 Em@12").duration == 12.5
    assert plan_from_text("20 seconds of rain", chords="G@0 Em@12").duration == 20


def test_waltz_prior_and_its_provenance() -> None:
    plan = plan_from_text("A calm waltz for piano and strings")
    sources = explain("A calm waltz for piano and strings")
    assert plan.meter == 3 and 60 <= plan.bpm <= 88 and Key.parse(plan.key).mode == "major"
    assert sources == {"bpm": "style: waltz + mood: calm", "meter": "style: waltz", "key": "mood: calm"} | {
        "chords": "style: waltz",
        "duration": "default",
        "style": "stated",
        "instruments": "stated",
        "energy": "stated",
    }
    assert plan.style == "waltz" and plan.instruments == ("piano", "strings") and plan.energy == "calm"


@pytest.mark.parametrize(
    ("text", "low", "high", "meter"),
    [
        ("fast metal", 132, 168, 4),
        ("drum and bass", 165, 178, 4),
        ("slow rock", 58, 82, 4),
        ("lo-fi hip hop beats to study to, 90s samples, 808", 70, 90, 4),
        ("techno", 126, 138, 4),
        ("a lullaby", 60, 84, 3),
        ("an Irish jig", 108, 126, 6),
        ("mid-tempo soul", 92, 112, 4),
        ("", *priors.DEFAULT_TEMPO, 4),
    ],
)
def test_priors_of_style_and_pace(text: str, low: float, high: float, meter: int) -> None:
    plans = [plan_from_text(text, seed=seed) for seed in range(20)]
    assert all(low <= plan.bpm <= high and plan.meter == meter for plan in plans)
    assert len({plan.bpm for plan in plans}) > 2


def test_moods_choose_the_mode() -> None:
    for seed in range(5):
        assert plan_from_text("a sad song", seed=seed).key.endswith("minor")
        assert plan_from_text("a happy song", seed=seed).key.endswith("major")
        assert plan_from_text("something in a minor key", seed=seed).key.endswith("minor")


def test_style_progressions_stand_in_the_key() -> None:
    plan = plan_from_text("jazz in Bb", bpm=120, meter=4, duration=8)
    symbols = [str(Chord.parse(symbol)) for symbol, _ in plan.chords]
    options = [[str(degree_chord(d, Key("Bb", "major"))) for d in line.split()]
               for line in STYLES["jazz swing"].progressions["major"]]  # fmt: skip
    assert symbols in options


def test_more_stated_chords_than_beats_are_spread_evenly() -> None:
    text = "The chord sequence is C, G, Am, F, C, G, Am, F. The bpm is 30."
    plan = plan_from_text(text, seconds=4)
    assert [second for _, second in plan.chords] == [0.5 * i for i in range(8)]
    with pytest.raises(PlanError, match="chords: "):
        plan_from_text("", bpm=30, seconds=4, chords="C G Am F C G Am F")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("bpm", 5000),
        ("bpm", "fast"),
        ("meter", 0),
        ("meter", 3.5),
        ("key", "J minor"),
        ("chords", "J7"),
        ("chords", 5),
        ("chords", ["Am", ("F", 2)]),
        ("chords", "Am@0 F"),
        ("duration", 0.1),
        ("beats", [(1.0, 1), (0.5, 2)]),
        ("seed", "one"),
        ("seed", 1.5),
        ("seed", True),
    ],
)
def test_bad_arguments_are_named(argument: str, value: object) -> None:
    with pytest.raises(PlanError, match=f"^{argument}: ") as error:
        plan_from_text("jazz", **{argument: value})
    assert error.value.argument == argument


def test_unknown_and_contradicting_arguments() -> None:
    with pytest.raises(TypeError, match="tempo"):
        plan_from_text("jazz", tempo=120)
    with pytest.raises(TypeError, match="text"):
        plan_from_text(None)
    with pytest.raises(PlanError, match=r"^seconds: "):
        plan_from_text("jazz", seconds=5, duration=6)
    assert plan_from_text("jazz", seconds=5, duration=5).duration == 5
    with pytest.raises(PlanError, match=r"^bpm: .*1000"):
        plan_from_text("speedcore at 1000 bpm")


def test_same_request_same_plan_in_every_process() -> None:
    code = "from mustango_app.planning.planner import plan_from_text as p; print(p('dark jazz', seed=3).to_json())"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=None).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1] == plan_from_text("dark jazz", seed=3).to_json() + "\n"
    assert len({plan_from_text("dark jazz", seed=seed) for seed in range(8)}) > 4


def test_fixing_one_field_leaves_the_choices_of_the_others() -> None:
    free, fixed = plan_from_text("indie folk"), plan_from_text("indie folk", meter=3)
    assert (free.bpm, free.key) == (fixed.bpm, fixed.key)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "waltz",
                "metal",
                "jazz",
                "in",
                "A",
                "minor",
                "Am",
                "F",
                "3/4",
                "90",
                "bpm",
                "key",
                "of",
                "chords:",
                "I",
                "V",
                "slow",
                "sad",
                ",",
                ".",
                "8",
                "s",
            ]
        )
    ),
    st.integers(0, 3),
)
def test_every_plan_is_complete_and_consistent(words: list[str], seed: int) -> None:
    try:
        plan = plan_from_text(" ".join(words), seed=seed)
    except PlanError as error:
        assert error.argument in ("bpm", "duration", "meter")
        return
    assert plan.is_complete
    assert plan.beats[0] == (0.0, 1)
    assert plan.chords[0][1] == 0.0
    assert plan == MusicPlan.from_json(plan.to_json())


def test_a_loop_has_whole_bars() -> None:
    plan = plan_from_text("techno", loop=True, bpm=128)
    bars = plan.duration * plan.bpm / 60 / plan.meter
    assert plan.loop and bars == pytest.approx(round(bars), abs=1e-6)
    plan = plan_from_text("techno", loop=True, seconds=10)
    bars = plan.duration * plan.bpm / 60 / plan.meter
    assert plan.duration == 10 and bars == pytest.approx(round(bars), abs=1e-6)


def test_tables_of_priors_are_sound() -> None:
    for prior in (*priors.PACES.values(), *priors.styles().values(), *priors.MOODS.values()):
        assert prior.tempo is None or 30 <= prior.tempo[0] < prior.tempo[1] <= 300
        for mode in ("major", "minor"):
            for line in prior.progressions(mode):
                assert all(degree_chord(degree, Key("C", mode)) for degree in line.split())
    assert plan_from_text("not jazz").style is None
    assert explain("Jazz Waltz")["meter"] == "style: jazz waltz"
