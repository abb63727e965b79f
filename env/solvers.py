"""Scripted solvers of a package's modules, each under a name of its own."""

import difflib
import importlib
import pkgutil
from typing import Generic, TypeVar

from env.errors import UnknownTask

SolverT = TypeVar("SolverT")


class Solvers(Generic[SolverT]):
    """Filled once, while the modules of the package are imported; constant afterwards."""

    def __init__(self, package: str, kind: str) -> None:
        """
        Args:
            package: whose modules register solvers when they are imported.
            kind: what one is called in messages: "expert".
        """
        self._package = package
        self._kind = kind
        self._by_name: dict[str, SolverT] = {}
        self._loaded = False

    def add(self, name: str, solver: SolverT) -> None:
        assert name not in self._by_name, f"two of {self._kind} {name}"
        self._by_name[name] = solver

    def named(self, name: str) -> SolverT:
        """
        Raises:
            UnknownTask: nobody wrote it; the message lists near names.
        """
        self._load()
        if name not in self._by_name:
            near = ", ".join(difflib.get_close_matches(name, self._by_name, n=5)) or "none near"
            raise UnknownTask(f"no {self._kind} for {name!r}; near names: {near}")
        return self._by_name[name]

    def names(self) -> tuple[str, ...]:
        self._load()
        return tuple(sorted(self._by_name))

    def _load(self) -> None:
        """Once: a module added later is not for a process that runs already."""
        if not self._loaded:
            for module in pkgutil.iter_modules(importlib.import_module(self._package).__path__):
                importlib.import_module(f"{self._package}.{module.name}")
            self._loaded = True
