"""The house as it is built: imports point down, and the doors that stay shut are shut."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "model": set(),
    "env": set(),
    "trajectories": {"model", "env"},
    "agent": {"trajectories", "model", "env"},
    "ui": {"agent", "trajectories", "model", "env"},
    "scripts": {"agent", "trajectories", "model", "env"},
    "benchmarks": {"ui", "agent", "trajectories", "model", "env"},
}
PLAIN_TYPES = ("model.messages", "model.errors", "model.train.samples")
"""All that floors above the model know of it: values and errors, without torch."""
CODE_RUNNERS = ("eval", "exec", "compile", "__import__")
FORBIDDEN_MODULES = ("pickle", "dill", "cloudpickle", "marshal", "shelve")


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


EVERY_SOURCE = [path for folder in MAY_IMPORT for path in sources(folder)] + [ROOT / "main.py"]


def imports(path: Path) -> Iterator[str]:
    """The dotted names a file imports, anywhere in it, under `if TYPE_CHECKING` too."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                # `from model import messages` imports model.messages.
                yield from (f"{module}.{name.name}" for name in names)
            case ast.ImportFrom():
                yield "relative"


def top(name: str) -> str:
    return name.partition(".")[0]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_point_down(folder: str) -> None:
    for path in sources(folder):
        ours = {top(name) for name in imports(path)} & (MAY_IMPORT.keys() | {"main", "relative"})
        assert ours <= MAY_IMPORT[folder] | {folder}, name_of(path)


@pytest.mark.parametrize("folder", ["agent", "trajectories", "ui"])
def test_floors_above_know_the_model_by_its_plain_types(folder: str) -> None:
    for path in sources(folder):
        for name in imports(path):
            if top(name) == "model":
                assert name.startswith(PLAIN_TYPES), f"{name_of(path)} imports {name}"


def test_only_the_model_reaches_torch() -> None:
    """Besides those who measure it."""
    for path in EVERY_SOURCE:
        if not path.is_relative_to(ROOT / "model") and path.parent != ROOT / "benchmarks":
            assert "torch" not in {top(name) for name in imports(path)}, name_of(path)


def test_the_plain_types_bring_no_torch_with_them() -> None:
    for name in PLAIN_TYPES:
        path = (ROOT / name.replace(".", "/")).with_suffix(".py")
        if path.exists():
            assert "torch" not in {top(name) for name in imports(path)}, name_of(path)


def test_nobody_imports_main() -> None:
    for path in EVERY_SOURCE:
        assert "main" not in {top(name) for name in imports(path)}, name_of(path)


def test_packages_open_with_a_docstring_and_nothing_else() -> None:
    for path in EVERY_SOURCE:
        if path.name == "__init__.py":
            body = ast.parse(path.read_text()).body
            assert [type(node) for node in body] == [ast.Expr], name_of(path)


def test_text_is_never_run_as_code() -> None:
    for path in EVERY_SOURCE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in CODE_RUNNERS, f"{name_of(path)}:{node.lineno}"


def test_no_file_is_read_that_can_carry_code() -> None:
    for path in EVERY_SOURCE:
        assert {top(name) for name in imports(path)}.isdisjoint(FORBIDDEN_MODULES), name_of(path)
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="load")):
                    pytest.fail(f"{name_of(path)}:{node.lineno} calls torch.load")


def test_no_shell_and_no_remote_code() -> None:
    for path in EVERY_SOURCE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword):
                assert node.arg != "trust_remote_code", f"{name_of(path)}:{node.value.lineno}"
                shell = node.arg == "shell" and getattr(node.value, "value", None) is not False
                assert not shell, f"{name_of(path)}:{node.value.lineno}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in {("os", "system"), ("os", "popen")}


def test_nothing_names_the_place_it_was_built_in() -> None:
    # In two halves, so that this file does not name it either.
    built_in = "/wo" + "rk/"
    for path in (*EVERY_SOURCE, *sources("tests"), *(ROOT / "scripts").glob("*.sh")):
        assert built_in not in path.read_text(), name_of(path)
