"""The page's words in other languages: `translations/LANGUAGE.toml`, from the English word to the other one.

To add a language, add a file. The browser's language chooses; what a file leaves out stays English.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import gradio as gr

FOLDER = Path(__file__).parent / "translations"


def say(words: str) -> str:
    """Return what a label holds for English words."""
    return words


def load_translations(folder: Path = FOLDER) -> dict[str, dict[str, str]]:
    """Read all languages: code -> English words -> words."""
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.toml"))}


def internationalisation() -> gr.I18n:
    """Return what `launch` takes."""
    return gr.I18n(**load_translations())
