"""Reader of how often a list of chords goes round: "Am F C G, 4 times", "ii-V-I in Bb, twice", "Am x2, F x2, C x4"."""

from __future__ import annotations

from augmentation.reading.readers.statement import Statement
from augmentation.reading.tokens import Kind, Tokens
from munet.music.repeats import unfold

_BETWEEN = (",", "(", "-", "|", "repeat", "repeats", "repeated", "repeating", "played", "looped", "cycled", "all",
            "for", "a", "total", "of")  # fmt: skip
_LONGEST_KEY = 3  # tokens of "in the key of"
_MOST = 64


def gone_round(tokens: Tokens, statement: Statement) -> Statement:
    """Return a list of chords that is said to go round as bars, a chord a bar; any other as it is."""
    line: str = statement.value
    times, last = times_behind(tokens, statement.last)
    if "|" in line and ":" not in line and times > 1:
        bars = " | ".join([line.strip(" |")] * times)
        return Statement(statement.field, f"| {bars} |", statement.first, last, statement.rank)
    if "|" in line or line.startswith("capo"):
        return statement
    repeated = any(Kind.REPEAT in tokens[at] for at in range(statement.first, statement.last + 1))
    if times == 1 and not repeated:
        return statement
    symbols = " | ".join(unfold(line).tokens * times)
    return Statement(statement.field, f"| {symbols} |", statement.first, last, statement.rank)


def times_behind(tokens: Tokens, index: int) -> tuple[int, int]:
    """Return how often, and the token behind it, of what follows a list that ends before `index`."""
    at = index
    if tokens.word(at) == "in":  # "ii-V-I in Bb, 3 times"
        at = next((one + 1 for one in range(at, at + _LONGEST_KEY + 1) if tokens.ends(one + 1)), at)
    at = tokens.ahead(at - 1, _BETWEEN)
    number, unit = tokens[at].get(Kind.QUANTITY, (0.0, ""))
    if unit == "other" and tokens.word(at).endswith(" times") and number == int(number) and 1 <= number <= _MOST:
        return int(number), at + 1
    return (2, at + 1) if tokens.word(at) == "twice" else (1, index)
