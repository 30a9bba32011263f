"""Packages of other libraries that run when something of them is used, and not when they are imported.

diffusers and transformers import PyTorch's compiler for three decorators, diffusers all of its transformers, UNets and
autoencoders for the few that are used, and parts of SciPy for schedules that nobody asks for; transformers
reads the files of all its models for a table. Together that was half of a program's start.
Such a package is put into `sys.modules` empty: modules of it can be imported, and whatever else is asked of it has it
run first. Nothing behaves otherwise, only later.

There is no torch here: `defer` has an effect only before these packages are imported.
"""

from __future__ import annotations

import copy
import functools
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType, SimpleNamespace
from typing import Any

COMPILER = "torch._dynamo"
WAITING = "__deferred__"  # what a package keeps its `DeferredLoader` under
PACKAGES = (
    COMPILER,
    "diffusers.hooks",
    "diffusers.models.autoencoders",
    "diffusers.models.transformers",
    "diffusers.models.unets",
    "scipy.integrate",
    "scipy.stats",
    "transformers.models",
)
# Imports transformers for an annotation, and does without where it is not installed.
WITHOUT_TRANSFORMERS = "diffusers.quantizers.pipe_quant_config"


def defer() -> None:
    """Have `PACKAGES` run when they are used; those that are imported already stay as they are."""
    if not any(isinstance(finder, DeferredFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, DeferredFinder())


class Deferred(ModuleType):
    """A package that has not run yet; the first name that is asked of it and that it has not got has it run."""

    def __getattr__(self, name: str) -> Any:
        run(self)
        module = sys.modules[self.__name__]  # some put another object into their place
        if module is not self:
            return getattr(module, name)
        if name in vars(self):
            return vars(self)[name]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def run(package: Deferred) -> None:
    """Run a package once; a thread that comes meanwhile waits until it has run."""
    waiting = vars(package)[WAITING]
    with waiting.lock:
        if package.__spec__.loader is waiting:
            package.__spec__.loader = package.__loader__ = waiting.loader
            waiting.loader.exec_module(package)
            if waiting.stand_ins is not None:
                waiting.stand_ins.settle(package)


class DeferredLoader(Loader):
    """Makes a package that does not run yet.

    Args:
        loader: what runs it.
        stand_ins: what is there of it before, or None.
    """

    def __init__(self, loader: Any, stand_ins: CompilerStandIns | None) -> None:
        self.loader, self.stand_ins = loader, stand_ins
        # One lock a package, as in importlib's own lazy loader: a thread that runs one need not wait for another.
        self.lock = threading.RLock()

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system to make a package."""

    def exec_module(self, module: ModuleType) -> None:
        """Leave it empty but for the stand-ins."""
        module.__class__ = Deferred
        vars(module)[WAITING] = self
        if self.stand_ins is not None:
            vars(module).update(self.stand_ins.names)


class LoaderWithout(Loader):
    """Runs a module for which transformers is not there, unless it has been imported already.

    Args:
        loader: what runs the module.
        here: whether this thread does so at the moment, as `.running`.
    """

    def __init__(self, loader: Any, here: threading.local) -> None:
        self.loader, self.here = loader, here

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system to make a module."""

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        self.here.running = True
        try:
            self.loader.exec_module(module)
        finally:
            self.here.running = False


class Loaded(Loader):
    """Gives the module that is there already."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return it."""
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: it has run."""


class DeferredFinder(MetaPathFinder):
    """Finds `PACKAGES`, and modules of the compiler, which need the whole of it."""

    def __init__(self) -> None:
        self.here = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to import a module, None for all that are none of ours."""
        if fullname in PACKAGES:
            spec = PathFinder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = DeferredLoader(spec.loader, CompilerStandIns() if fullname == COMPILER else None)
            return spec
        if fullname == WITHOUT_TRANSFORMERS:
            spec = PathFinder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = LoaderWithout(spec.loader, self.here)
            return spec
        if fullname == "transformers" and getattr(self.here, "running", False):
            raise ModuleNotFoundError(f"{WITHOUT_TRANSFORMERS} does without", name=fullname)
        if fullname.startswith(f"{COMPILER}."):
            package = sys.modules[COMPILER]
            if isinstance(package, Deferred) and isinstance(package.__spec__.loader, DeferredLoader):
                run(package)
                if fullname in sys.modules:
                    spec = copy.copy(sys.modules[fullname].__spec__)
                    spec.loader = Loaded()
                    return spec
        return None


class CompilerStandIns:
    """The names of the compiler that are used without compiling anything: three decorators and a class.

    What they were called with is told to the compiler once it runs.
    """

    def __init__(self) -> None:
        self.marked: list[tuple[str, Any]] = []
        self.settled = False
        self.names = {
            "allow_in_graph": functools.partial(self.mark, "allow_in_graph"),
            "assume_constant_result": functools.partial(self.mark, "assume_constant_result"),
            "disable": self.disable,
            # Asked whether a module is a compiled one, which none is before the compiler runs.
            "eval_frame": SimpleNamespace(OptimizedModule=type("OptimizedModule", (), {})),
        }

    def mark(self, decorator: str, function: Any) -> Any:
        """Remember `function` for a decorator that returns what it is given, and return it."""
        self.marked.append((decorator, function))
        return function

    def disable(self, function: Callable[..., Any] | None = None, *arguments: Any, **named: Any) -> Callable[..., Any]:
        """Return `function`, or a decorator, that the compiler leaves alone."""
        if function is None:
            return lambda later: self.disable(later, *arguments, **named)

        @functools.cache
        def disabled() -> Callable[..., Any]:
            return sys.modules[COMPILER].disable(function, *arguments, **named)

        @functools.wraps(function)
        def call(*given: Any, **more: Any) -> Any:
            # Nothing is compiled as long as there is no compiler.
            return (disabled() if self.settled else function)(*given, **more)

        return call

    def settle(self, compiler: ModuleType) -> None:
        """Tell the compiler what it would have been told."""
        for decorator, function in self.marked:
            getattr(compiler, decorator)(function)
        self.settled = True
