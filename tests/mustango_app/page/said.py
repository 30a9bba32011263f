"""What the rooms behind the page say in English, collected from their source: refusals and notes, places as "7".

A refusal is `RequestError("name: expected X, got Y")`, `PlanError(name, X, got)` or `expect(name, holds, X, got)`; a
note's outcome is the argument of `NOTES` or of a list of what is missing. A name is followed to the strings that its
function or module gives it, a condition to both of its sides. What comes from a call or from a table is not seen here;
`test_words` makes such notes of prompts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
# The rooms that what a visitor types or uploads goes through. The API (`api`, `endpoints`) and the command that serves
# the page speak English.
ROOMS = (
    "munet/music", "munet/guidance_weights.py", "augmentation/audio.py", "augmentation/decoding.py",
    "augmentation/hearing", "augmentation/compose/form.py", "mustango_app/planning", "mustango_app/page",
    "mustango_app/shaping", "mustango_app/request.py", "mustango_app/best_of.py", "mustango_app/exchange/heard.py",
)  # fmt: skip
ENGLISH_ONLY = (
    "mustango_app/page/api.py", "mustango_app/page/endpoints.py", "mustango_app/page/server.py",
    "augmentation/hearing/judge.py", "augmentation/hearing/judge_training.py",  # of training, not of the page
)  # fmt: skip
NOTES = {"Note": 2, "row": 4, "stated": 3, "cut_note": 1}  # place of the outcome among the arguments
SAMPLE = "7"


class Said(NamedTuple):
    """A sentence, where it stands, and the argument that it is about ("" where that is not written there)."""

    where: str
    kind: str
    name: str
    text: str


def sources() -> list[Path]:
    """Return the files of `ROOMS`."""
    rooms = [ROOT / room for room in ROOMS]
    files = [file for room in rooms for file in ([room] if room.is_file() else room.rglob("*.py"))]
    return sorted(file for file in files if str(file.relative_to(ROOT)) not in ENGLISH_ONLY)


def collected() -> list[Said]:
    """Return all that is said."""
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in sources()}
    constants = {
        target.id: statement.value
        for tree in trees.values()
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    return [said for file, tree in trees.items() for said in _of_file(file, tree, constants)]


def _of_file(file: Path, tree: ast.Module, constants: dict[str, ast.expr]) -> Iterator[Said]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for scope in [tree, *functions]:
        named = _assigned(scope)
        for call in (node for node in _own(scope) if isinstance(node, ast.Call)):
            where = f"{file.relative_to(ROOT)}:{call.lineno}"
            for kind, name, expression in _spoken(call):
                for text in _texts(expression, named, constants):
                    yield Said(where, kind, name, text)


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield what a function holds, but not what functions in it hold."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from _own(child)


def _assigned(scope: ast.AST) -> dict[str, list[ast.expr]]:
    """Return what is given to each name in a function, side by side where it is given to several at once."""
    found: dict[str, list[ast.expr]] = {}
    for node in _own(scope):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            several = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
            pairs = zip(target.elts, node.value.elts, strict=False) if several else [(target, node.value)]
            for one, value in pairs:
                if isinstance(one, ast.Name):
                    found.setdefault(one.id, []).append(value)
    return found


def _spoken(call: ast.Call) -> Iterator[tuple[str, str, ast.expr]]:
    """Yield (kind, argument, sentence) of what a call says."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    about = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else ""
    if name == "RequestError" and call.args:
        yield "refusal", "", call.args[0]
    elif name == "PlanError" and len(call.args) > 1:
        yield "expected", about, call.args[1]
    elif name == "expect" and len(call.args) > 2:
        yield "expected", about, call.args[2]
    elif name in NOTES and len(call.args) > NOTES[name]:
        yield "note", "", call.args[NOTES[name]]
    elif name == "append" and getattr(getattr(call.func, "value", None), "id", "") == "missing":
        yield "note", "", call.args[0]
    for keyword in call.keywords:
        if keyword.arg == "missing" and isinstance(keyword.value, ast.Tuple):
            yield from (("note", "", one) for one in keyword.value.elts)


def _texts(node: ast.expr, named: dict[str, list[ast.expr]], constants: dict[str, ast.expr]) -> Iterator[str]:
    """Yield the texts that an expression may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        texts = [""]
        for part in node.values:
            held = constants.get(getattr(getattr(part, "value", None), "id", ""))
            fixed = part if isinstance(part, ast.Constant) else held
            more = [fixed.value] if isinstance(fixed, ast.Constant) and isinstance(fixed.value, str) else [SAMPLE]
            texts = [text + one for text in texts for one in more]
        yield from texts
    elif isinstance(node, ast.IfExp):
        for side in (node.body, node.orelse):
            yield from _texts(side, named, constants)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _texts(value, named, constants)
    elif isinstance(node, ast.Name):
        for value in named.get(node.id, [constants[node.id]] if node.id in constants else []):
            if not (isinstance(value, ast.Name) and value.id == node.id):
                yield from _texts(value, named, constants)
