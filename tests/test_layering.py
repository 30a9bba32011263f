"""The rules of the house, read off the syntax trees of the sources."""

from __future__ import annotations

import ast
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
LONGEST_FILE, LONGEST_FUNCTION = 400, 80
GRADIO_FILES = ("mustango_app/page/blocks.py", "app.py")


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


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_packages_import_only_what_they_may(path: Path) -> None:
    package, names = name_of(path).split("/")[0], set(imports(parsed(path)))
    tops = {name.split(".")[0] for name in names}
    if package == "munet":
        assert not tops & {"augmentation", "mustango_app"}
    if package == "augmentation":
        assert "mustango_app" not in tops
        assert {name for name in names if name.startswith("munet.")} <= {
            name for name in names if name.startswith(("munet.music", "munet.errors", "munet.files"))
        }
        assert not any(name == "munet" and "munet.music" not in names for name in names)
    if name_of(path) not in GRADIO_FILES:
        assert "gradio" not in tops


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, node.name


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
