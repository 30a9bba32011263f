"""Reader of names of artists and works, which are no style: "like Daft Punk", "Morricone style", "Metro Boomin type
beat"."""

from __future__ import annotations

from augmentation.reading.tokens import Kind, Token, Tokens

_PLAIN = ("old", "new", "free", "live", "modern", "vintage", "classic", "retro", "music", "this", "my", "the", "in",
          "own", "same", "any", "a", "song", "track")  # fmt: skip


def find_names(tokens: Tokens) -> list[tuple[int, int]]:
    """Return the spans of names: capitals behind "like" or "in the style of", or before "type beat"."""
    found: list[tuple[int, int]] = []
    for index, token in enumerate(tokens):
        if Kind.LIKE in token:
            last = index + 1
            while _capital(tokens[last]) or (
                last > index + 1 and tokens.word(last) in ("&", "and", "the", "of") and _capital(tokens[last + 1])
            ):
                last += 1
            if last > index + 1:
                found.append((index, last))
        elif token.word in ("style", "esque", "like") and _unknown_name(tokens, first := tokens.back(index, ("-",))):
            while _unknown_name(tokens, first - 1):
                first -= 1
            found.append((first, index + 1))
        elif Kind.TYPE_BEAT in token:
            first = index
            while first > 0 and (_capital(tokens[first - 1]) or tokens.word(first - 1) == "x") and index - first < 6:
                first -= 1
            if first < index and Kind.STYLE not in tokens[first]:
                found.append((first, index))
    return found


def _unknown_name(tokens: Tokens, index: int) -> bool:
    """Whether a word before "style" is a name: "Bach style", "Morricone-style"; not "old style", "jazz style"."""
    token = tokens[index] if index >= 0 else None
    return token is not None and _capital(token) and set(token.readings) <= {Kind.WORD} and token.word not in _PLAIN


def _capital(token: Token) -> bool:
    harmony = Kind.KEY in token or Kind.CHORD in token
    return token.text[:1].isupper() and not harmony and Kind.PUNCT not in token
