"""The house rules a machine can check: which way imports run, and words that mean a mistake.

What is allowed in spite of a rule is listed here, by file and with the reason.
"""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("exchange", "backoffice", "bench")

HTTP = ("django.http", "django.shortcuts", "django.views", "rest_framework")
OUTER = ("backoffice.views", "backoffice.api", "backoffice.templatetags", "backoffice.urls")
# Who may not import what; every prefix on the left that matches applies.
FORBIDDEN = {
    "exchange": ("backoffice", "tests", "bench"),
    "backoffice": ("tests", "bench"),
    "exchange.models": (
        *("exchange.queries", "exchange.services", "exchange.tape", "exchange.drill"),
        *("exchange.tasks", *HTTP),
    ),
    "exchange.queries": ("exchange.services", "exchange.drill", "exchange.tasks", *HTTP),
    "exchange.services": ("exchange.tasks", *HTTP),
    "exchange.tape": ("exchange.models", "exchange.services", "exchange.queries", *HTTP),
    "exchange.drill": ("exchange.models", "exchange.services", "exchange.queries", *HTTP),
    "backoffice.models": (
        *("backoffice.queries", "backoffice.services", "backoffice.tasks"),
        *("exchange.queries", "exchange.services", *OUTER, *HTTP),
    ),
    "backoffice.queries": (
        *("backoffice.services", "backoffice.tasks", "exchange.services", *OUTER, *HTTP),
    ),
    "backoffice.services": ("backoffice.tasks", "exchange.tasks", *OUTER, *HTTP),
    "backoffice.views": ("backoffice.tasks", "exchange.tasks", "backoffice.api"),
    "backoffice.api": ("backoffice.tasks", "exchange.tasks", "backoffice.views"),
}
# The domain is pure: values in, values out. Only these may be imported there.
PURE = {
    *("__future__", "collections", "contextlib", "dataclasses", "datetime", "decimal", "difflib"),
    *("enum", "exchange", "fractions", "functools", "hashlib", "heapq", "importlib", "itertools"),
    *("json", "math", "numba", "numpy", "operator", "struct", "types", "typing"),
    "llvmlite",  # the one instruction numba has no word for: a prefetch
    "concurrent",  # threads over shards whose results do not depend on their order
}
# The one file that reads files: it stamps the compile cache with the sources of the kernels.
IMPURE_ALLOWED = ("exchange/domain/kernel.py",)
# Where a float is no money: an estimate or a bound, after which integers decide.
FLOATS_ALLOWED = {
    "exchange/domain/value_kernels.py": "trial quotients, corrected; whether a product fits",
    "exchange/domain/replay_kernels.py": "trial quotients, corrected; whether fees fit",
    "exchange/domain/margin_units.py": "a bound below which the exact sum need not be made",
    "exchange/domain/isolated_kernels.py": "where the search begins; the exact trigger ends it",
}
PRINTING_ALLOWED = ("management/commands/", "bench/")
NUDGING_ALLOWED = ("tasks.py", "backoffice/services/nudges.py", "backoffice/views/")
WRITERS = {
    *("save", "create", "bulk_create", "bulk_update", "get_or_create", "update_or_create"),
    "delete",
}
DJANGO_SIGNALS = {"pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed", "receiver"}


@cache
def sources() -> dict[str, ast.Module]:
    """Every module of ours by its path from the root."""
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    return {
        file.relative_to(ROOT).as_posix(): ast.parse(file.read_text(), file.name) for file in files
    }


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported, at the top or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, f"{node.module or ''}.{alias.name}"


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, source of what is called) of every call: `float`, `self.x.delay`, ..."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def violations(
    check: Callable[[str, ast.Module], Iterator[tuple[int, str]]], *, under: str = ""
) -> list[str]:
    return [
        f"{path}:{line}: {what}"
        for path, tree in sources().items()
        if path.startswith(under) and "/migrations/0" not in path
        for line, what in check(path, tree)
    ]


class TestArrows:
    def test_there_is_something_to_check(self) -> None:
        assert len(sources()) > 50
        for prefix in FORBIDDEN:
            assert any(within(module_of(path), prefix) for path in sources()), prefix

    def test_imports_run_one_way(self) -> None:
        def check(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
            module = module_of(path)
            banned = [
                b for inner, all_b in FORBIDDEN.items() if within(module, inner) for b in all_b
            ]
            for line, name in imports(tree):
                if any(within(name, prefix) for prefix in banned):
                    yield line, f"imports {name}"

        assert violations(check) == []

    def test_the_domain_is_pure(self) -> None:
        def check(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
            if path in IMPURE_ALLOWED:
                return
            for line, name in imports(tree):
                outer = within(name, "exchange") and not within(name, "exchange.domain")
                if name.split(".")[0] not in PURE or outer:
                    yield line, f"imports {name}"
            for node in ast.walk(tree):
                if isinstance(node, ast.Attribute) and ast.unparse(node).startswith(
                    ("np.random", "numpy.random")
                ):
                    yield node.lineno, "chance in the domain"
            for line, called in calls(tree):
                if called in ("open", "input", "print"):
                    yield line, f"{called}() in the domain"

        assert violations(check, under="exchange/domain/") == []

    def test_screens_and_the_api_write_nothing_themselves(self) -> None:
        def check(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
            for line, called in calls(tree):
                verb = called.rpartition(".")[2]
                manager = ".objects" in called
                if (manager and verb in WRITERS | {"update"}) or (verb == "save" and "." in called):
                    yield line, f"writes by {called}"
            for line, name in imports(tree):
                if within(name, "django.db.transaction"):
                    yield line, "opens a transaction"

        assert violations(check, under="backoffice/views/") == []
        assert violations(check, under="backoffice/api/") == []

    def test_no_star_and_no_relative_imports(self) -> None:
        def check(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom):
                    if node.level:
                        yield node.lineno, "a relative import"
                    if any(alias.name == "*" for alias in node.names):
                        yield node.lineno, "imports everything"

        assert violations(check) == []

    def test_no_signals_and_no_save_overrides(self) -> None:
        def check(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
            for line, name in imports(tree):
                if within(name, "django") and name.rpartition(".")[2] in DJANGO_SIGNALS:
                    yield line, f"imports {name}"
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    for each in node.body:
                        overrides = isinstance(each, ast.FunctionDef) and each.name in (
                            "save",
                            "delete",
                        )
                        if overrides and "models" in path:
                            yield each.lineno, f"overrides {each.name}"

        assert violations(check) == []


class TestWords:
    def test_money_never_becomes_a_float(self) -> None:
        def check(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
            if path in FLOATS_ALLOWED:
                return
            for line, called in calls(tree):
                if called in ("float", "np.float64", "numpy.float64"):
                    yield line, f"{called}()"

        for room in ("exchange/domain", "exchange/services", "exchange/models", "exchange/tape"):
            assert violations(check, under=room) == []
        assert violations(check, under="backoffice/services") == []

    def test_no_column_is_a_float(self) -> None:
        def check(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
            return ((line, called) for line, called in calls(tree) if "FloatField" in called)

        assert violations(check) == []

    def test_nudges_come_from_one_place(self) -> None:
        def check(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
            if any(allowed in path for allowed in NUDGING_ALLOWED):
                return
            for line, called in calls(tree):
                if called.rpartition(".")[2] in ("delay", "apply_async", "send_task"):
                    yield line, called

        assert violations(check) == []

    def test_every_time_knows_its_zone(self) -> None:
        def check(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
            for node in ast.walk(tree):
                if not isinstance(node, ast.Call):
                    continue
                called = ast.unparse(node.func)
                naive = called.endswith("datetime.now") and not (node.args or node.keywords)
                if naive or called.endswith((".utcnow", ".utcfromtimestamp", "date.today")):
                    yield node.lineno, called

        assert violations(check) == []

    def test_only_commands_print(self) -> None:
        def check(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
            if any(allowed in path for allowed in PRINTING_ALLOWED):
                return
            for line, called in calls(tree):
                if called in ("print", "breakpoint", "pdb.set_trace"):
                    yield line, f"{called}()"

        assert violations(check) == []

    def test_nothing_is_left_for_later(self) -> None:
        marks = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
        found = []
        for file in written_files():
            for number, line in enumerate(file.read_text().splitlines(), 1):
                if marks.search(line):
                    found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()}")
        assert found == []

    def test_every_module_says_what_it_is_for(self) -> None:
        silent = [
            path
            for path, tree in sources().items()
            if tree.body and not ast.get_docstring(tree) and "/migrations/" not in path
        ]
        assert silent == []

    def test_every_verb_states_its_contract(self) -> None:
        def check(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
            for node in tree.body:
                public = isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
                if public and not ast.get_docstring(node):
                    yield node.lineno, f"{node.name} has no docstring"

        assert violations(check, under="exchange/services/") == []
        assert violations(check, under="backoffice/services/") == []


class TestTemplates:
    """The content security policy allows no inline script or style: one would silently not run."""

    INLINE = re.compile(
        r"<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|\shx-on\b|javascript:"
        r"|<script\b(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")",
        re.IGNORECASE,
    )

    def test_no_inline_script_or_style(self) -> None:
        templates = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "templates").rglob("*.svg")]
        assert templates
        found = []
        for file in templates:
            for number, line in enumerate(file.read_text().splitlines(), 1):
                if "mail" not in file.relative_to(ROOT).parts and self.INLINE.search(line):
                    found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()}")
        assert found == []

    @pytest.mark.parametrize(
        ("line", "inline"),
        [
            ("<script>alert(1)</script>", True),
            ('<p style="color:red">', True),
            ('<button onclick="go()">', True),
            ('<a href="javascript:go()">', True),
            ('<script type="module" src="{% static "app.js" %}"></script>', False),
            ('<script id="x" type="application/json">{}</script>', False),
            ('<link rel="stylesheet" href="app.css">', False),
        ],
    )
    def test_the_check_sees_what_it_should(self, line: str, inline: bool) -> None:
        assert bool(self.INLINE.search(line)) is inline


class TestDocuments:
    def test_every_requirement_is_pinned_and_has_a_reason(self) -> None:
        for name in ("requirements.txt", "requirements-dev.txt"):
            for line in (ROOT / name).read_text().splitlines():
                if line.startswith(("#", "-r")) or not line.strip():
                    continue
                assert re.match(r"[A-Za-z0-9._\[\]-]+==[^\s]+\s+# .{9,}", line), line

    def test_every_requirement_is_in_the_tested_set(self) -> None:
        lines = (ROOT / "constraints.txt").read_text().lower().splitlines()
        tested = {line.replace("_", "-") for line in lines}
        for name in ("requirements.txt", "requirements-dev.txt"):
            for line in (ROOT / name).read_text().splitlines():
                if line.startswith(("#", "-r")) or not line.strip():
                    continue
                pinned = re.sub(r"\[.*?\]", "", line.split()[0]).lower()
                assert pinned in tested, pinned

    def test_every_variable_is_documented_and_every_documented_one_exists(self) -> None:
        code = re.compile(r"[\"'](MAKEWHOLE_[A-Z_]+|DATABASE_URL|REDIS_URL|SECRET_KEY)[\"']")
        read = set()
        for path in sources():
            read |= set(code.findall((ROOT / path).read_text()))
        read.discard("MAKEWHOLE_X")
        document = (ROOT / "docs" / "configuration.md").read_text()
        written = set(
            re.findall(r"`(MAKEWHOLE_[A-Z_]+|DATABASE_URL|REDIS_URL|SECRET_KEY)`", document)
        )
        assert read - written == set()
        assert written - read == set()

    def test_links_between_documents_lead_somewhere(self) -> None:
        broken = []
        for file in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
            if not file.exists():
                continue
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", file.read_text()):
                if "://" not in target and not (file.parent / target).exists():
                    broken.append(f"{file.relative_to(ROOT)}: {target}")
        assert broken == []


def written_files() -> Iterator[Path]:
    """Everything people wrote: not what was vendored, generated or made by a run."""
    kinds = {".py", ".md", ".html", ".css", ".js", ".sql", ".sh", ".toml", ".yaml", ".txt"}
    rooms = ("exchange", "backoffice", "bench", "templates", "static", "tests", "docs", "deploy")
    for room in rooms:
        for file in sorted((ROOT / room).rglob("*")):
            if file.suffix in kinds and "vendor" not in file.parts and "data" not in file.parts:
                yield file
    yield from (file for file in sorted(ROOT.iterdir()) if file.suffix in kinds)
