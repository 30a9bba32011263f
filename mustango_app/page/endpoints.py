"""What all endpoints of the API share: their schema, their sentences, and what is checked before anything is done."""

from __future__ import annotations

import contextlib
import functools
import html
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import gradio as gr

from munet.errors import RequestError
from munet.guidance_weights import LIMITS
from munet.music import MusicPlan
from munet.music.checks import BPM_RANGE, ENERGIES
from mustango_app.page.fields import read_sections
from mustango_app.page.guard import FAILED, is_below
from mustango_app.page.results import EXPORTS
from mustango_app.page.status import without_folders
from mustango_app.page.words import LONGEST_ECHO
from mustango_app.request import MAX_BARS, SECONDS_RANGE, STEPS_RANGE
from mustango_app.stopped import Stopped

FORMATS = ("wav", "flac", "mp3", "ogg")
MOST_CHORDS, MOST_TITLE = 4000, 200  # characters
MOST_NOTES = 6000  # of a melody, ten a second
# What is asked of the music, in the order of `fields_given`.
FIELDS = (
    "bpm", "meter", "key", "chords", "seconds", "bars", "style", "instruments", "energy", "sections", "loop", "melody",
)  # fmt: skip
# What the types of the arguments do not say, for the published schema.
_RANGES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        name: {"minimum": low, "maximum": high}
        for name, (low, high) in {
            "bpm": BPM_RANGE, "meter": (1, 15), "seconds": SECONDS_RANGE, "bars": (1, MAX_BARS), "steps": STEPS_RANGE,
            "guidance": LIMITS, "best_of": (1, 64), "seed": (0, 2**63 - 65),
        }.items()
    }
    | {"energy": {"enum": list(ENERGIES)}, "prompt": {"maxLength": 2000}}
)  # fmt: skip


def publish(api: Any) -> None:
    """Add the endpoints to the page that is being built, with ranges in their schema."""
    for name, limit in api.LIMITS.items():
        function = getattr(api, name)
        gr.api(typed(function), api_name=name, concurrency_limit=limit)
        inputs = list(gr.context.Context.root_block.fns.values())[-1].inputs
        for argument, component in zip(inspect.signature(function).parameters, inputs, strict=True):
            more = {"enum": [*FORMATS] if name != "export" else [*EXPORTS]} if argument == "format" else {}
            more = more or _RANGES.get(argument, {})
            schema = component._api_info
            schema = {"oneOf": [{"type": "null"}, schema["oneOf"][1] | more]} if more and "oneOf" in schema else schema
            component._api_info = schema


def typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return an endpoint whose signature holds types, as Gradio expects, and not their names."""

    @functools.wraps(function)
    def endpoint(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    endpoint.__signature__ = inspect.signature(function, eval_str=True)
    return endpoint


def defaults_of(api: type, name: str) -> Mapping[str, Any]:
    """Return the defaults of the parameters of an endpoint by name, in order."""
    parameters = list(inspect.signature(getattr(api, name)).parameters.values())
    return {one.name: one.default for one in parameters[1:]}


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Make a sentence of whatever goes wrong; what is a fault of this side is logged.

    Raises:
        gr.Error: always, instead of the error.
    """
    try:
        yield
    except RequestError as error:
        # A browser would take a person's own text for HTML.
        said = html.escape(cut(str(without_folders(error))), quote=False)
    except Stopped:
        said = "request: expected to be waited for, got stopped"
    except OSError as error:
        said = f"result: expected room to keep it, got {error.strerror or error}"
    except BaseException as error:  # a thread of the server goes on in any case
        logging.getLogger(__name__).error("a request failed", exc_info=error)
        said = FAILED
    else:
        return
    raise gr.Error(said, print_exception=False)


def cut(sentence: str) -> str:
    """Return a refusal whose echo of what came is short."""
    said, got, echo = sentence.rpartition(", got ")
    return f"{said}{got}{echo[:LONGEST_ECHO]}…" if len(echo) > LONGEST_ECHO else sentence


def uploaded(name: str, file: Any) -> str:
    """Return the path of a file that was uploaded to this server, and to nowhere else.

    Args:
        name: of the argument.
        file: as Gradio passes it: {"path": ...}.

    Raises:
        RequestError: it is none.
    """
    if file is None:
        raise RequestError(f"{name}: expected a recording, got none")
    path = file.get("path") if isinstance(file, dict) else getattr(file, "path", file)
    if not isinstance(path, str) or not is_below(path, Path(gr.utils.get_upload_folder()).resolve()):
        raise RequestError(f"{name}: expected an uploaded file, got another value")
    return path


def words_given(prompt: str | None) -> str:
    if prompt is None:
        raise RequestError("prompt: expected a description of the music, got none")
    return prompt


def plan_given(plan: Any) -> MusicPlan | None:
    if plan is None:
        return None
    if not isinstance(plan, dict):
        raise RequestError(f"plan: expected an object as /plan returns it, got {type(plan).__name__}")
    return MusicPlan.from_dict(plan)


def fields_given(*values: Any) -> dict[str, Any]:
    """Return the fields by name; those that are read as text must be short text."""
    fields = dict(zip(FIELDS, values, strict=True))
    check_short(fields)
    check_short({"chords": str(fields["chords"] or "")})  # a list as well
    return fields | {"sections": sections_given(fields["sections"]), "melody": melody_given(fields["melody"])}


def melody_given(melody: Any) -> Any:
    """Return notes as they came; what they say is checked by the plan.

    Raises:
        RequestError: it is no list (a path would be read from this server's disk), or too long.
    """
    if melody is not None and not isinstance(melody, list):
        raise RequestError(f"melody: expected notes [[pitch, start, end], ...], got {type(melody).__name__}")
    if melody and len(melody) > MOST_NOTES:
        raise RequestError(f"melody: expected at most {MOST_NOTES} notes, got {len(melody)}")
    return melody


def sections_given(sections: Any) -> Any:
    """Return sections as a list, of which `Request` checks what each says; text is read as the page reads it.

    Raises:
        RequestError: there are too many, or the text holds none.
    """
    if isinstance(sections, str):
        return read_sections(sections)
    if isinstance(sections, list):
        if len(sections) > MAX_BARS:
            raise RequestError(f"sections: expected at most {MAX_BARS}, got {len(sections)}")
        for section in sections:
            check_short(section if isinstance(section, dict) else {})
    return sections


def check_short(fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if isinstance(value, str) and len(value) > MOST_CHORDS:
            raise RequestError(f"{name}: expected at most {MOST_CHORDS} characters, got {len(value)}")


def format_given(format: Any) -> str:
    if format is not None and format not in FORMATS:
        raise RequestError(f"format: expected one of {', '.join(FORMATS)}, got {format!r}")
    return format or FORMATS[0]
