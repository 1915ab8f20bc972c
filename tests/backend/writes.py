"""
Which functions write, and which of them tell the ledger of acts: read from the source of the backend.

A call is followed where its name says whose it is: a function of the module, one that was imported, or one of
an imported module. What is called through an object is taken for a write where its name is one of the ORM's.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
# Of query sets and rows. ``update`` counts where it names columns: a set's or a hash's names none.
WRITES: Final = frozenset(
    {"save", "create", "bulk_create", "bulk_update", "get_or_create", "update_or_create", "delete"}
)
RECORDS: Final = frozenset({"backend.audit.services.record", "backend.staff.services.recording.record"})
# What they write is no thing that a person changes: jobs, leases, and the ledgers themselves.
BOOKKEEPING: Final = ("backend.core.", "backend.audit.")


@dataclass
class Function:
    """One function of a module: what it calls, and whether it writes by itself."""

    name: str
    calls: set[str] = field(default_factory=set)
    writes: bool = False


@cache
def functions() -> dict[str, Function]:
    """Return every function of the backend and of the worker, by its whole name."""
    found: dict[str, Function] = {}
    for file in sorted([*ROOT.glob("backend/**/*.py"), *ROOT.glob("celery_worker/**/*.py")]):
        if "migrations" not in file.parts:
            found |= {one.name: one for one in _functions_of(file)}
    return found


def module_of(file: Path) -> str:
    """Return the dotted name of a file."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _functions_of(file: Path) -> Iterator[Function]:
    module, tree = module_of(file), ast.parse(file.read_text())
    names = dict(_imported(tree, module, is_package=file.name == "__init__.py"))
    statements = {
        target.id: ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names.setdefault(node.name, f"{module}.{node.name}")
    for name, target in names.items():
        # What a package offers of its modules.
        if file.name == "__init__.py":
            yield Function(f"{module}.{name}", calls={target})
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield _read(node, module, names, statements)


def _imported(tree: ast.Module, module: str, *, is_package: bool) -> Iterator[tuple[str, str]]:
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")
                base = ".".join([*above[: len(above) - node.level + 1], *([base] if base else [])])
            for alias in node.names:
                yield alias.asname or alias.name, f"{base}.{alias.name}"


def _read(node: ast.FunctionDef, module: str, names: dict[str, str], statements: dict[str, str]) -> Function:
    read = Function(f"{module}.{node.name}")
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name | ast.Attribute):
            called = _resolved(inner, names)
            if called is not None:
                read.calls.add(called)
        if isinstance(inner, ast.Call):
            read.writes |= _is_write(inner, statements)
    read.calls.discard(read.name)
    return read


def _resolved(node: ast.expr, names: dict[str, str]) -> str | None:
    match node:
        case ast.Name(id=name):
            return names.get(name)
        case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner in names:
            return f"{names[owner]}.{name}"
    return None


def _is_write(call: ast.Call, statements: dict[str, str]) -> bool:
    match call.func:
        case ast.Attribute(attr="update"):
            return bool(call.keywords) and not call.args
        case ast.Attribute(attr="execute", value=ast.Name(id="cursor")):
            told = ast.unparse(call.args[0]) if call.args else ""
            text = statements.get(told.split(".")[0].split(" ")[0], told)
            return any(word in text for word in ("INSERT ", "UPDATE ", "DELETE "))
        case ast.Attribute(attr=name):
            return name in WRITES
    return False


def reached(name: str) -> set[str]:
    """Return everything that a function calls, and what that calls, itself included."""
    known = functions()
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one in seen or one not in known:
            continue
        seen.add(one)
        waiting += known[one].calls
    return seen


def writes(name: str) -> bool:
    """Return whether a function changes something that is not the machine's bookkeeping."""
    return any(functions()[one].writes and not one.startswith(BOOKKEEPING) for one in reached(name))


def records(name: str) -> bool:
    """Return whether a function may write an act."""
    return bool(RECORDS & reached(name))


def services_called_from(*doors: str) -> set[str]:
    """Return the functions of the apps' services that some modules call by themselves."""
    return {
        called
        for name, one in functions().items()
        if name.startswith(doors)
        for called in one.calls
        if ".services." in called and called in functions() and not called.startswith("backend.audit.")
    }
