"""The rules of the house, read off the syntax trees of the sources."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("munet", "augmentation", "mustango_app")
SOURCES = sorted(
    [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    + [path for folder in ("benchmarks", "third_party") for path in (ROOT / folder).rglob("*.py")]
    + [ROOT / "app.py", ROOT / "bootstrap.py"]
)
EVERYTHING = sorted([*SOURCES, *(ROOT / "tests").rglob("*.py")])
LONGEST_FILE, LONGEST_FUNCTION = 400, 60
# A room, and those above it: what it must not load when it is imported. A function may import upwards when it is
# called, as `Clip.adherence` does.
ROOMS = (
    (
        "munet.music",
        ("munet.codec", "munet.conditions", "munet.published", "munet.training", "munet.pipeline", "munet.unet"),
    ),
    ("munet.codec", ("munet.conditions", "munet.published", "munet.training", "munet.pipeline")),
    ("munet.conditions", ("munet.codec", "munet.published", "munet.training", "munet.pipeline")),
    ("munet.published", ("munet.training",)),
    ("munet.pipeline", ("munet.training",)),
    ("augmentation.compose", ("augmentation.captions", "augmentation.hearing", "augmentation.dataset")),
    ("augmentation.captions", ("augmentation.hearing", "augmentation.dataset")),
    ("augmentation.hearing", ("augmentation.captions", "augmentation.dataset")),
    ("augmentation.reading", ("augmentation.hearing", "augmentation.dataset")),
    ("mustango_app.planning", ("mustango_app.engine", "mustango_app.evaluation", "mustango_app.page")),
    ("mustango_app.evaluation", ("mustango_app.engine", "mustango_app.page", "mustango_app.cli")),
    ("mustango_app.shaping.changes", ("mustango_app.engine", "munet.pipeline", "torch")),
    ("mustango_app.shaping", ("mustango_app.page", "mustango_app.cli")),
    ("mustango_app.page", ("mustango_app.cli",)),
)
GRADIO_ROOM = "mustango_app/page/"


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def module_of(path: Path) -> str:
    """Dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def loaded_at_once(path: Path) -> Iterator[str]:
    """Modules of the product that a file imports when it is itself imported, not when a function of it is called.

    The packages around a file are loaded before it in any case.
    """
    for node in parsed(path).body:
        for name in imports(node) if isinstance(node, ast.Import | ast.ImportFrom) else ():
            if name in MODULES and not module_of(path).startswith(f"{name}."):
                yield name


MODULES = {module_of(path): path for path in SOURCES if path.parts[len(ROOT.parts)] in PACKAGES}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_packages_import_downwards_only(path: Path) -> None:
    package, names = name_of(path).split("/")[0], set(imports(parsed(path)))
    tops = {name.split(".")[0] for name in names}
    if package == "munet":
        assert not tops & {"augmentation", "mustango_app"}
    if package == "augmentation":
        assert "mustango_app" not in tops
        shared = ("munet.music", "munet.errors", "munet.files", "munet.compiled", "munet.precision")
        assert not {name for name in names if name.startswith("munet.") and not name.startswith(shared)}
        assert not any(name == "munet" and not any(other.startswith("munet.") for other in names) for name in names)
    if not name_of(path).startswith(GRADIO_ROOM):
        assert "gradio" not in tops


@pytest.mark.parametrize(("room", "above"), ROOMS)
def test_rooms_import_downwards_only(room: str, above: tuple[str, ...]) -> None:
    for module, path in MODULES.items():
        if module == room or module.startswith(f"{room}."):
            for name in loaded_at_once(path):
                assert not f"{name}.".startswith(tuple(f"{other}." for other in above)), f"{module} imports {name}"


def test_no_module_needs_itself_to_be_imported() -> None:
    needs = {module: set(loaded_at_once(path)) - {module} for module, path in MODULES.items()}
    while free := [module for module, needed in needs.items() if not needed & needs.keys()]:
        for module in free:
            del needs[module]
    assert not needs, f"these import each other in a circle: {sorted(needs)}"


def test_symbolic_music_needs_no_numbers() -> None:
    for path in (ROOT / "munet" / "music").glob("*.py"):
        assert not {name.split(".")[0] for name in imports(parsed(path))} & {"torch", "numpy", "scipy"}


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name == "__init__.py"], ids=name_of)
def test_every_room_says_what_it_is_and_names_what_is_public(path: Path) -> None:
    tree = parsed(path)
    text = ast.get_docstring(tree) or ""
    assert len(text.splitlines()) >= 3
    listed = re.findall(r"`(\w+)`", text.partition("Public:")[2])
    assert listed or set(names_defined(tree)) or path.parent.name in PACKAGES
    defined = {name for file in path.parent.rglob("*.py") for name in names_defined(parsed(file))}
    assert set(listed) <= defined


def names_defined(tree: ast.Module) -> Iterator[str]:
    """Functions, classes and constants at the top of a module."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (ast.unparse(target) for target in targets)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[ast.get_docstring(node) is not None :] or node.body  # its logic, without what it says
            assert node.end_lineno - first[0].lineno < LONGEST_FUNCTION, node.name


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_nothing_dangerous(path: Path) -> None:
    tree = parsed(path)
    for call in calls(tree):
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        shell = keywords.get("shell")
        assert shell is None or (isinstance(shell, ast.Constant) and shell.value is False), "shell=True"
        if ast.unparse(call.func) == "torch.load":
            safe = keywords.get("weights_only")
            assert isinstance(safe, ast.Constant) and safe.value is True, "torch.load without weights_only=True"
    if path in SOURCES:
        assert not {name.split(".")[0] for name in imports(tree)} & {"pickle", "dill", "joblib"}


def test_librosa_is_loaded_by_one_process_at_a_time() -> None:
    for path in SOURCES:
        assert not {name.split(".")[0] for name in imports(parsed(path))} & {"librosa"}, f"{path}: munet.compiled"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_errors_are_named_and_state_is_local(path: Path) -> None:
    tree = parsed(path)
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Global)
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, "bare except"
            assert ast.unparse(node.type) != "Exception"
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            names = {ast.unparse(target) for target in getattr(node, "targets", [getattr(node, "target", None)])}
            mutable = isinstance(node.value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)
            assert not mutable or names == {"__all__"}, f"module-level mutable state: {names}"


def test_the_rules_have_something_to_hold() -> None:
    assert {name_of(path).split("/")[0] for path in SOURCES} >= {*PACKAGES, "app.py", "bootstrap.py"}


def test_app_is_a_dozen_lines() -> None:
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) <= 14
