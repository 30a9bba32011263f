"""Whether the players and the style that a caption names are heard, and players that nobody asked for.

    python -m benchmarks.asked_players --out DIR [--count 60 --model NAME --rows original read ... --best-of 4 --save]

Held-back pieces (`HELD_BACK_SEEDS`) are described in words without exact facts. The judge
(`augmentation.hearing.judge`), which learned from other pieces, hears

    original       the piece as rendered: the judge's ceiling
    codec          the same through the model's autoencoder and back: the model's ceiling
    read           what the model makes of the caption, which the planner reads, as `mustango generate` does
    composed       the same, told the notes that the composer writes for that plan
    words          the same plan without players, style and energy: only the text encoder knows them
    chance         the clips of `read` scored against the caption of the next piece
    without_drums  "... without drums" for each style; nothing but drums is looked for

`heard` is the share of the classes named in the caption that are heard, `others` the share of the classes that are in
no part of the plan and heard all the same, `style` whether the style that the caption names is the likeliest one.
What was made and heard is kept in DIR, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augmentation.compose.renderer import default_soundfont
from augmentation.hearing.judge import SHIPPED as JUDGE
from augmentation.hearing.judge import shipped_judge
from augmentation.training_data import HELD_BACK_SEEDS
from benchmarks.first_music import Case, codec, original
from munet.files import digest
from munet.music import MusicPlan
from munet.music.instruments import classes_of, recall_and_intrusion
from mustango_app import Mustango
from mustango_app.best_of import most_adherent
from mustango_app.clip import Clip
from mustango_app.evaluation.adherence import ADHERENCE_WEIGHTS
from mustango_app.evaluation.bootstrap import summarise, table
from mustango_app.evaluation.measure import Audio, write_json
from mustango_app.evaluation.run import fingerprint
from mustango_app.parts import parts_of
from mustango_app.planning.asked import check
from mustango_app.planning.band import resolve_in
from mustango_app.planning.source import STATED
from mustango_app.request import Request
from mustango_app.together import Sampling

RESULTS = Path(__file__).parent / "results" / "asked_players.json"
ROWS = ("original", "codec", "read", "composed", "words", "without_drums")
SEEDS_APART = 100_000  # from candidate to candidate, so that no two captions share one
MEASURES = ("heard", "others", "style", "no_drums")
Heard = dict[str, Any]  # "players": class -> whether it counts as heard; "style": the likeliest


@dataclass(frozen=True)
class Asked:
    """What one caption asks for, as the planner reads it."""

    case: Case
    plan: MusicPlan
    named: tuple[str, ...]
    style: str | None

    @classmethod
    def of(cls, model: Mustango, case: Case) -> Asked:
        """Read the caption of a case; a style is asked for only where the words name it."""
        draft = model.plan(Request(case.caption, seconds=case.piece.plan.duration, seed=case.piece.seed))
        words = check(case.caption, {}).reading.arrangement.players
        named = classes_of(resolve_in(words, draft.plan.style))
        inside = tuple(name for name in named if name in classes_of(case.piece.plan.instruments or ()))
        return cls(case, draft.plan, inside, draft.plan.style if draft.sources["style"] is STATED else None)

    def score(self, heard: Heard, plan: MusicPlan) -> dict[str, float | None]:
        """Score what was heard where `plan` was to be played."""
        players = heard["players"]
        playing = [name for name, found in players.items() if found]
        style = None if self.style is None else float(heard["style"] == self.style)
        return {
            "heard": recall_and_intrusion(self.named, playing, players)[0],
            "others": recall_and_intrusion(plan.instruments or (), playing, players)[1],
            "style": style,
        }


def listened(folder: Path, key: str, make: Callable[[], Audio]) -> Heard:
    """Return what the judge hears in a clip, from `folder` if it is there already."""
    path = folder / f"{digest(key, (JUDGE / 'config.json').read_text(), _weights())[:32]}.json"
    if not path.is_file():
        judge = shipped_judge()
        arrangement = judge.hear(*make())
        found = set(judge.heard_players(arrangement))
        heard = {"players": {name: name in found for name in arrangement.instruments}, "style": arrangement.style}
        write_json(path, heard)
    return json.loads(path.read_text(encoding="utf-8"))


@functools.cache
def _weights() -> str:
    """Digest of the judge's weights."""
    return digest(*(file.read_bytes() for file in sorted(JUDGE.glob("*.safetensors"))))


def played(
    model: Mustango, caption: str, plan: MusicPlan, seed: int, best_of: int = 1, composed: bool = False
) -> Audio:
    """Return what the model makes of words and a plan; what the plan leaves open is not read from the words.

    Of several candidates the one that keeps to its plan best, as `Mustango.generate` chooses it; of `composed` ones the
    model is told the notes that the composer writes.
    """
    sampling = Sampling(model.default_steps, model.default_guidance, model.default_guidance_interval)

    def clip(candidate: int) -> Clip:
        run = (plan.duration, [candidate], sampling, lambda _step: None, None)
        notes = {"notes": [parts_of(plan, candidate)]} if composed else {}
        return Clip(model.sample([caption], [plan], *run, **notes)[0], model.sample_rate, plan, caption, candidate, {})

    clips = (clip(seed + number * SEEDS_APART) for number in range(best_of))
    best = most_adherent(clips) if best_of > 1 else next(clips)
    return best.audio, best.sample_rate


def measure(
    model: Mustango, cases: Sequence[Case], rows: Sequence[str], out: Path, best_of: int = 1
) -> dict[str, list[Any]]:
    """Make, hear and score every row, of `best_of` candidates the best; returns row -> a score for each clip."""
    scores: dict[str, list[Any]] = {}
    asked = [Asked.of(model, case) for case in cases]
    maker = fingerprint(model)
    heard: dict[str, list[Heard]] = {}
    for row in (name for name in rows if name != "without_drums"):
        heard[row], plans = [], []
        for each in asked:
            plan = {
                "original": each.case.piece.plan,
                "codec": each.case.piece.plan,
                "read": each.plan,
                "composed": each.plan,
                "words": each.plan.with_(instruments=None, style=None, energy=None),
            }[row]
            key = f"{row} {default_soundfont().name if row == 'original' else maker} {each}"
            key += f" best of {best_of} by {ADHERENCE_WEIGHTS}" if best_of > 1 else ""
            if row in ("original", "codec"):
                make = functools.partial(*((original,) if row == "original" else (codec, model)), each.case)
            else:
                made = (each.case.caption, plan, each.case.piece.seed, best_of, row == "composed")
                make = functools.partial(played, model, *made)
            heard[row].append(listened(out, key, make))
            plans.append(each.case.piece.plan if row in ("original", "codec") else each.plan)
        scores[row] = [each.score(*pair) for each, *pair in zip(asked, heard[row], plans, strict=True)]
    if "read" in heard and len(asked) > 1:
        shifted = [*asked[1:], asked[0]]
        scores["chance"] = [each.score(clip, each.plan) for each, clip in zip(shifted, heard["read"], strict=True)]
    if "without_drums" in rows:
        scores["without_drums"] = []
        for number, style in enumerate(shipped_judge().config.styles):
            prompt, seed = f"A piece of {style} music without drums", HELD_BACK_SEEDS[0] + number
            plan = model.plan(Request(prompt, seconds=10.0, seed=seed)).plan
            clip = listened(out, f"{maker} {prompt} {plan}", functools.partial(played, model, prompt, plan, seed))
            scores["without_drums"].append({"no_drums": float(not clip["players"]["drums"])})
    return scores


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the measurement from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60, help="captions (%(default)s)")
    parser.add_argument("--model", help="checkpoint folder or Hub id; the shipped model if not given")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--best-of", type=int, default=1, help="candidates of `read` and `words` (%(default)s)")
    parser.add_argument("--save", action="store_true", help="write the summary to benchmarks/results")
    options = parser.parse_args(arguments)
    for name in ("count", "best_of"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')}: expected 1 or more, got {getattr(options, name)}")
    model = Mustango.from_pretrained(options.model)
    options.out.mkdir(parents=True, exist_ok=True)
    cases = [Case.of(HELD_BACK_SEEDS[0] + i) for i in range(options.count)]
    scores = measure(model, cases, options.rows, options.out, options.best_of)
    summaries: Mapping[str, Any] = {row: summarise(each, MEASURES) for row, each in scores.items()}
    if options.save:
        write_json(RESULTS, {"count": options.count, "rows": summaries})
    print(table(summaries, MEASURES))


if __name__ == "__main__":
    main()
