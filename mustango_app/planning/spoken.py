"""What a network reads of a prompt beside a plan."""

from __future__ import annotations

from augmentation.reading.readers.arrangement import silences
from augmentation.reading.stated import read
from munet.music import MusicPlan

_JOINTS = (",", ";", "with", "and", "but")  # what joins "no drums" to the words before it


def spoken(prompt: str, plan: MusicPlan) -> str:
    """Return an English prompt without the words that say who does not play, where the plan says who does.

    A sentence encoder hears drums in "no drums". The plan's players say it for certain; where it names none, all of the
    prompt stays.
    """
    tokens = read(prompt).tokens
    spans = silences(tokens) if plan.instruments is not None else []
    if not spans:
        return prompt
    parts, begin = [], 0
    for first, last in spans:
        while first and tokens.word(first - 1) in _JOINTS:
            first -= 1
        start = tokens[first].start
        parts.append(tokens.text[begin:start].rstrip() if first else "")
        begin = tokens[last - 1].end
    return "".join([*parts, tokens.text[begin:]]).strip(" ,;")
