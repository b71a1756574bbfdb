"""The folder list is the architecture: imports point one way, and heavy libraries wait until they are needed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import orchestrion

PACKAGE = Path(orchestrion.__file__).parent

# cli → training, evaluation → composer, generators → renderer, datasets → bridge, reading → score, audio.
# A package may import itself and what stands here.
ALLOWED = {
    "values": {"score"},
    "options": {"audio", "score", "values"},
    "score": set(),
    "audio": {"options"},
    "reading": {"score"},
    "bridge": {"score"},
    "matrices": set(),
    "composer": {"matrices", "options", "score", "values"},
    "renderer": {"audio", "bridge", "matrices", "options", "score"},
    # Two of the back-ends are the renderer's network.
    "generators": {"audio", "bridge", "options", "renderer", "score"},
    "datasets": {"audio", "bridge", "cluster", "reading", "score"},
    # Training validates with evaluation's measures; evaluation knows nothing of training.
    # It trains on recordings without notes, too, which are labelled first.
    "training": {"audio", "bridge", "cluster", "composer", "datasets", "evaluation", "generators", "labelling", "options", "renderer", "score"},
    "evaluation": {"audio", "bridge", "cluster", "composer", "datasets", "generators", "options", "renderer", "score"},
    # Labels with evaluation's transcriber, draws with its figures, writes sets of recordings.
    "labelling": {"audio", "cluster", "datasets", "evaluation", "options", "reading", "score"},
    "casting": {"score"},
    "inspection": {"audio", "casting", "reading", "score"},
    "ensemble": {"audio", "options", "score"},
    "arranging": {"options", "score"},
    "rendering": {"cluster", "ensemble", "options", "playing", "renderer", "score"},
    "playing": {"audio", "bridge", "ensemble", "evaluation", "options", "renderer", "score"},
    "realtime": {"renderer"},
    "models": set(),
    # What the command line can do, so can Python.
    "api": {
        "arranging", "audio", "bridge", "casting", "cluster", "composer", "datasets", "ensemble", "evaluation", "generators", "inspection", "labelling",
        "options", "papers", "playing", "realtime", "renderer", "score", "studio", "training", "values",
    },
    # Experiments: everything that trains, measures and plays.
    "papers": {
        "audio", "bridge", "composer", "datasets", "evaluation", "generators", "labelling", "options", "playing", "renderer", "score",
        "training",
    },
    # The page: what the command line can do, by a browser.
    "studio": {
        "audio", "casting", "composer", "ensemble", "evaluation", "labelling", "options", "playing", "reading", "realtime", "renderer", "score", "values",
    },
    "cli": {
        "api", "arranging", "audio", "bridge", "casting", "cluster", "composer", "datasets", "ensemble", "evaluation", "generators", "inspection",
        "labelling", "models", "options", "papers", "playing", "reading", "realtime", "renderer", "rendering", "score", "studio", "training", "values",
    },
    "__main__": {"cli"},
    # Names that `orchestrion` itself hands out lazily.
    "__init__": {"api", "audio", "bridge", "ensemble", "models", "options", "renderer", "score"},
}  # fmt: skip
# Leaves that anyone may import, and what they may import in turn.
LEAVES = {
    "errors": set(), "version": set(), "terminal": set(), "processors": set(), "limits": set(), "suffixes": set(),
    "files": {"errors", "temporary"}, "temporary": set(),
    "header": {"errors"},
    "quantised": {"errors"},
    "progress": {"terminal"},
    "weights": {"errors", "files", "header"},
    "shipped": {"errors", "header"},
    "cachefolder": {"errors"},
    "codedigest": set(),
    "keptfolder": {"cachefolder", "errors", "temporary"},
    "cluster": {"errors", "version"},
    "compiledfiles": {"cachefolder"},
    "compiling": {"compiledfiles"},
    "compiled": {"cachefolder", "compiledfiles", "errors", "version"},
    "randomness": {"compiled"},
}  # fmt: skip
# `Score.read`, `Score.write` and their like hand over to what knows the format, which makes scores: the one step back.
DOORS = {
    ("orchestrion.score.score", f"orchestrion.reading.{module}")
    for module in ("engraving", "notation", "prettymidi", "scorefiles")
}
HEAVY = {"torch", "numba", "music21", "numpy", "scipy", "matplotlib", "pretty_midi", "lightning"}


def imported_modules(source: Path, *, at_run_time: bool = False) -> Iterator[str]:
    """Every module that ``source`` imports anywhere, also inside functions, as an absolute dotted name.

    ``at_run_time``: less what stands under ``if TYPE_CHECKING``.
    """
    tree = ast.parse(source.read_text(encoding="utf-8"), str(source))
    skipped: set[ast.AST] = set()
    if at_run_time:
        guarded = (n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
        skipped = {inner for node in guarded for statement in node.body for inner in ast.walk(statement)}
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source}: relative import; write the full name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def unit(parts: tuple[str, ...]) -> str:
    """``("orchestrion", "renderer", "config")`` → ``"renderer"``."""
    return parts[1] if len(parts) > 1 else "__init__"


SOURCES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(source: Path) -> None:
    relative = source.relative_to(PACKAGE.parent).with_suffix("").parts
    own = unit(relative)
    allowed = {own} | LEAVES.get(own, ALLOWED.get(own, set()) | set(LEAVES))
    assert own in ALLOWED or own in LEAVES, f"{own} has no place in the architecture; add it to this test"
    for module in imported_modules(source):
        parts = tuple(module.split("."))
        if (".".join(relative), module) in DOORS:
            continue
        if parts[0] == "orchestrion" and (PACKAGE / f"{unit(parts)}.py").exists() | (PACKAGE / unit(parts)).is_dir():
            assert unit(parts) in allowed, f"{own} must not import {module}"


def imports_among_modules() -> dict[str, set[str]]:
    """What each module imports of this package, also inside functions; what only type checkers see does not count."""
    dotted = {path: ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in SOURCES}
    modules = {name.removesuffix(".__init__"): path for path, name in dotted.items()}
    graph = {}
    for name, path in modules.items():
        imported = {m if m in modules else m.rpartition(".")[0] for m in imported_modules(path, at_run_time=True)}
        graph[name] = {module for module in imported & set(modules) - {name} if (name, module) not in DOORS}
    return graph


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = imports_among_modules()
    while leaves := {name for name, imported in graph.items() if not imported & set(graph)}:
        graph = {name: imported for name, imported in graph.items() if name not in leaves}
    # What is left is on a circle or leads to one.
    circles = {name for name in graph if name in reachable(graph, name)}
    assert not circles, f"these import each other: {', '.join(sorted(circles))}"


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    """Every module that ``start`` leads to by one import or more."""
    found: set[str] = set()
    waiting = set(graph[start])
    while waiting:
        name = waiting.pop()
        if name in graph and name not in found:
            found.add(name)
            waiting |= graph[name]
    return found


def test_a_circle_through_a_function_is_found(tmp_path: Path) -> None:
    source = tmp_path / "one.py"
    source.write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\ndef f():\n    import b\n")
    assert set(imported_modules(source, at_run_time=True)) == {"typing.TYPE_CHECKING", "b"}
    assert reachable({"a": {"b"}, "b": {"a"}, "c": {"a"}}, "a") == {"a", "b"}


def test_the_doors_open_only_when_called() -> None:
    for name, module in DOORS:
        source = PACKAGE.parent.joinpath(*name.split(".")).with_suffix(".py")
        assert module in set(imported_modules(source, at_run_time=True)), f"{name} no longer imports {module}"
        top = ast.parse(source.read_text(encoding="utf-8")).body
        assert not any("orchestrion.reading" in ast.unparse(node) for node in top if isinstance(node, ast.Import | ast.ImportFrom))


def test_composer_and_renderer_never_meet() -> None:
    for one, other in (("composer", "renderer"), ("renderer", "composer")):
        for source in (PACKAGE / one).rglob("*.py"):
            assert not any(m.startswith(f"orchestrion.{other}") for m in imported_modules(source)), source


def test_no_top_level_import_of_generic_names() -> None:
    generic = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    for source in SOURCES:
        for module in imported_modules(source):
            assert module.split(".")[0] not in generic - {"__pycache__"}, f"{source} imports {module}"


def test_importing_the_package_and_the_command_line_loads_nothing_heavy() -> None:
    script = "import sys, orchestrion, orchestrion.cli; print(*{m.split('.')[0] for m in sys.modules})"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert not HEAVY & set(output.split())


def test_a_driven_instrument_plays_without_what_takes_seconds_to_import(tmp_path: Path) -> None:
    """Torch and scipy take a second each; numba alone needs a third of one where it need not compile."""
    code = (
        "import sys; from orchestrion.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('imported', *sys.modules)"
    )
    command = [sys.executable, "-c", code, "render", "ode-to-joy", "-i", "violin", "--end", "0.1", "-o", str(tmp_path / "a.wav")]
    for _ in range(2):  # the first may have to compile
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    imported = set(output.rpartition("imported")[2].split())
    assert "orchestrion.renderer.kernels.loop" in imported
    late = {"scipy.linalg", "scipy.signal", "numba.np.arraymath"}
    assert not (HEAVY - {"numpy", "numba", "scipy"} | late) & imported  # numba looks at scipy's version


def test_no_pickle_is_ever_loaded() -> None:
    for source in SOURCES:
        text = source.read_text(encoding="utf-8")
        if source == PACKAGE / "compiledfiles.py":
            # Compiled code, which is run anyway: from files that only the user can write to, after their checksum.
            assert text.count("pickle.load") == text.count("loads(") == text.count("pickle.loads(content)") == 1
            continue
        imported = {part for module in imported_modules(source) for part in module.split(".")}
        assert not imported & {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "serialize"}, source
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                call = ast.unparse(node.func)
                assert call not in {"torch.load", "pickle.load", "pickle.loads", "joblib.load"}, source
                assert not any(keyword.arg == "allow_pickle" for keyword in node.keywords), source


def test_lazy_names_exist() -> None:
    assert set(orchestrion.__all__) <= set(dir(orchestrion))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = orchestrion.nothing


PAGE = PACKAGE.parent / "docs" / "architecture.md"


def test_every_path_in_the_architectures_page_exists() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w./-])(?:\w+/)*\w+\.py\b|(?<![\w./-])(?:\w+/)+(?=[`\s])", text))
    elsewhere = {"tests/test_architecture.py", "orchestrion/", "takes/"}
    missing = sorted(path for path in named - elsewhere if not (PACKAGE / path).exists())
    assert not missing, f"docs/architecture.md names {', '.join(missing)}"
    rooms = {f"{path.name}/" for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert rooms <= named, f"docs/architecture.md knows nothing of {', '.join(sorted(rooms - named))}"
    assert len(re.findall(r"^\d+\. Where ", text, flags=re.MULTILINE)) >= 20


def test_each_public_class_has_its_name_to_itself() -> None:
    modules: dict[str, list[str]] = {}
    for source in SOURCES:
        for node in ast.parse(source.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules.setdefault(node.name, []).append(str(source.relative_to(PACKAGE)))
    clashes = {name: where for name, where in modules.items() if len(where) > 1}
    assert not clashes, f"one name for two things: {clashes}"


def test_every_path_in_the_contributors_page_exists() -> None:
    root = PACKAGE.parent
    named = set(re.findall(r"`((?:[\w.]+/)+\w+\.py)`", (root / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    missing = sorted(path for path in named if not (PACKAGE / path).exists() and not (root / path).exists())
    assert len(named) > 5 and not missing, f"CONTRIBUTING.md names {', '.join(missing)}"


def test_the_architectures_drawing_is_of_these_imports() -> None:
    """A room imports what stands below it, or beside it, in the drawing; every room is drawn."""
    drawing = PAGE.read_text(encoding="utf-8").split("\n\n    ")[1].partition("\n\n")[0]
    rows = {name: row for row, line in enumerate(drawing.splitlines()) for name in re.findall(r"(\w+)(?:/|\.py)(?=\s)", f" {line} ")}
    assert rows["cli"] < rows["training"] < rows["score"]
    for name, imported in imports_among_modules().items():
        for own, other in ((unit(tuple(name.split("."))), unit(tuple(module.split(".")))) for module in imported):
            assert own not in rows or other not in rows or rows[own] <= rows[other], f"{own} imports {other}, which is drawn above it"


# Where `Any` may stand in a public signature: what `numba.njit` makes of a function is whatever compiled code asks of it.
UNTYPED = {"compiled.py"}


def public_annotations(body: list[ast.stmt]) -> Iterator[ast.expr]:
    """Annotations of public functions and methods, of constructors, and of the fields of public classes."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_annotations(node.body)
            yield from (field.annotation for field in node.body if isinstance(field, ast.AnnAssign))
        elif isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name in ("__init__", "__call__")):
            given = node.args
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            yield from (one.annotation for one in every if one is not None and one.annotation is not None)
            yield from [node.returns] if node.returns is not None else []


def says_any(source: str) -> bool:
    names = (n for annotation in public_annotations(ast.parse(source).body) for n in ast.walk(annotation))
    return any(isinstance(name, ast.Name) and name.id == "Any" for name in names)


def test_no_public_signature_says_any() -> None:
    assert says_any("class A:\n    def f(self, **options: Any) -> None: ...") and says_any("class A:\n    x: dict[str, Any]")
    assert not says_any("def _f(x: Any) -> Any: ...\ndef g(x: int) -> str:\n    y: Any = x\n    return y")
    found = {str(source.relative_to(PACKAGE)) for source in SOURCES if says_any(source.read_text(encoding="utf-8"))}
    assert found == UNTYPED
