"""A digest of the code that a result depends on: of functions, and of all of ours that they name, directly or not.

`compiled.fingerprint` takes whole files and whole files of what they import, as nothing less is safe for machine code. Here a change of a
comment, of a docstring, of another function in the same file or of the package's version changes nothing; one of a function, of a class or
of a constant that the result comes from does, and so does another version of a library that one of them names. Sources are read, not run.

    fit_note ──names──▶ partials.struck ──names──▶ HOP = 120
        └────names──▶ FittedNote: its fields, and those of its methods whose names stand anywhere in what was found
"""

from __future__ import annotations

import ast
import copy
import hashlib
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

APART = frozenset({"compiled", "errors", "files", "processors", "progress"})
"""Modules of the package that no figure comes from."""
COMPILERS = ("numba", "llvmlite")  # they have a part in the figures of what is `compiled.compiled`
Function = ast.FunctionDef | ast.AsyncFunctionDef
Place = tuple[str, str]  # a module, and a name that its top level binds


@cache
def code_digest(*roots: Callable[..., object], apart: frozenset[str] = APART) -> str:
    """Sixteen hexadecimal digits of the code of ``roots`` (functions or methods of one package) and of all that they name.

    Args:
        apart: modules that are not followed, by their names within the package.
    """
    found = CodeReach(*roots, apart=apart)
    digest = hashlib.sha256()
    for place in sorted(found.texts):
        digest.update("\0".join((*place, *sorted(found.texts[place]), "")).encode())
    digest.update(repr([(name, _version(name)) for name in sorted(found.libraries)]).encode())
    return digest.hexdigest()[:16]


class CodeReach:
    """What functions depend on.

    Attributes:
        texts: by place the code that is bound there, without comments and docstrings.
        libraries: names of others' packages.
    """

    def __init__(self, *roots: Callable[..., object], apart: frozenset[str] = APART):
        self.texts: dict[Place, set[str]] = {}
        self.libraries: set[str] = set()
        self._apart = apart
        self._package = roots[0].__module__.partition(".")[0]
        self._folder = Path(str(sys.modules[self._package].__file__)).parent
        self._attributes: set[str] = set()
        self._methods: list[tuple[Place, Function]] = []  # of the classes found; each is kept once its name is
        for root in roots:
            name, *methods = root.__qualname__.split(".")
            self._attributes.update(methods)
            self._follow(root.__module__, name)
        while asked := [each for each in self._methods if each[1].name in self._attributes or each[1].name.startswith("__")]:
            self._methods = [each for each in self._methods if each not in asked]
            for place, method in asked:
                self._keep(place, method)

    def _follow(self, module: str, name: str) -> None:
        """What the top level of ``module`` binds ``name`` to."""
        package, _, inside = module.partition(".")
        file = self._file(module)
        if package != self._package:
            self.libraries.update({package} - sys.stdlib_module_names)
        elif inside in self._apart:
            self.libraries.update(COMPILERS if inside == "compiled" else ())
        elif file is not None and (module, name) not in self.texts:
            for node in _bound(file).get(name, ()):
                self._take((module, name), node)

    def _take(self, place: Place, node: ast.stmt) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for module, name, bound in _imported(node):
                if bound == place[1]:
                    self._follow(module, name)
        elif isinstance(node, ast.ClassDef):
            shell = copy.copy(node)
            shell.body = [each for each in node.body if not isinstance(each, Function)]
            self._methods += [(place, each) for each in node.body if isinstance(each, Function)]
            self._keep(place, shell)
        else:
            self._keep(place, node)

    def _keep(self, place: Place, node: ast.AST) -> None:
        self.texts.setdefault(place, set()).add(_text(node))
        for child in ast.walk(node):
            if isinstance(child, ast.Name):
                self._follow(place[0], child.id)
            elif isinstance(child, ast.Attribute):
                self._attributes.add(child.attr)
                if isinstance(child.value, ast.Name):
                    for module in self._modules(place[0], child.value.id):
                        self._follow(module, child.attr)
            elif isinstance(child, ast.Import | ast.ImportFrom):
                for module, name, _ in _imported(child):
                    self._follow(module, name)

    def _modules(self, module: str, name: str) -> Iterator[str]:
        """The modules of the package that ``name`` may mean in ``module``."""
        file = self._file(module)
        for node in _bound(file).get(name, ()) if file is not None else ():
            for source, part, bound in _imported(node) if isinstance(node, ast.Import | ast.ImportFrom) else ():
                meant = f"{source}.{part}" if part else source
                if bound == name and self._file(meant) is not None:
                    yield meant

    def _file(self, module: str) -> Path | None:
        package, *parts = module.split(".")
        place = self._folder.joinpath(*parts)
        files = (place / "__init__.py", place.with_suffix(".py")) if parts else (place / "__init__.py",)
        return next((file for file in files if file.is_file()), None) if package == self._package else None


@cache
def _bound(file: Path) -> dict[str, list[ast.stmt]]:
    """The statements of a module's top level by the names that they bind, or change the value of."""
    found: dict[str, list[ast.stmt]] = {}
    waiting = list(ast.parse(file.read_bytes()).body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.If | ast.Try | ast.With):
            waiting += [inner for inner in ast.iter_child_nodes(node) if isinstance(inner, ast.stmt)]
        for name in set(_names(node)):
            found.setdefault(name, []).append(node)
    return found


def _names(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (bound for _, _, bound in _imported(node))
    elif isinstance(node, Function | ast.ClassDef):
        yield node.name
    else:
        for child in ast.walk(node):
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
                yield child.id
            elif isinstance(child, ast.Subscript | ast.Attribute) and isinstance(child.ctx, ast.Store) and isinstance(child.value, ast.Name):
                yield child.value.id


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str, str]]:
    """``(module, name in it or "", name that it is bound to)``."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield node.module or "", alias.name, alias.asname or alias.name
        else:
            bound = alias.asname or alias.name.partition(".")[0]
            yield alias.name if alias.asname else bound, "", bound


class _Undocumented(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.Expr | ast.Pass:
        return ast.Pass() if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node


def _text(node: ast.AST) -> str:
    return ast.unparse(_Undocumented().visit(copy.deepcopy(node)))


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""
