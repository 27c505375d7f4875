"""What the documents name exists: files, the functions in them, and the variables that are read.

A document names a file as `folder/file.py`, a folder as `folder/`, what is defined in a file as `folder/file.py: name`
(`Class.method` for a method, several names with commas), and a test as `file.py::test_name*`.
"""

import ast
import re
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = [
    *sorted(ROOT.glob("docs/*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
]
MADE_LATER = {"docker-compose.override.yml", "tests/shots/", "ui/ui.css"}  # by whoever deploys, or by a build

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
FILE = re.compile(
    r"(?P<path>\.?\w[\w.-]*(?:/[\w.-]+)*\.(?:css|html|js|json|md|py|toml|txt|yml))"
    r"(?:: (?P<names>\w[\w.]*(?:, \w[\w.]*)*)|::(?P<test>[\w*]+))?"
)
FOLDER = re.compile(r"\w[\w-]*(?:/[\w-]+)*/")


def read_spans(document: Path) -> list[str]:
    """Everything between backticks, outside of blocks."""
    return SPAN.findall(FENCE.sub("", document.read_text()))


@cache
def list_files() -> list[Path]:
    folders = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")]
    below = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return [*(path for path in ROOT.iterdir() if path.is_file()), *below]


def find_files(path: str) -> list[Path]:
    """The file at this path; for a name without a folder, every file that is called so."""
    if "/" in path:
        return [ROOT / path] if (ROOT / path).is_file() else []
    return [file for file in list_files() if file.name == path]


@cache
def list_definitions(file: Path) -> set[str]:
    """Functions, classes and constants of a module, and the members of its classes as `Class.member`."""
    return set(_definitions(ast.parse(file.read_text()).body))


def _definitions(body: list[ast.stmt], prefix: str = ""):
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from _definitions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for name in (each for target in targets for each in ast.walk(target)):
                if isinstance(name, ast.Name):
                    yield prefix + name.id


def find_mistake(span: str) -> str | None:
    """Why what is between the backticks is wrong, if it is."""
    if span in MADE_LATER:
        return None
    if FOLDER.fullmatch(span):
        return None if (ROOT / span).is_dir() else f"there is no folder {span}"
    named = FILE.fullmatch(span)
    if named is None:
        return f"{span} is not written as `file.py: name`" if ".py:" in span else None
    files = find_files(named["path"])
    if not files:
        return f"there is no file {named['path']}"
    defined = set().union(*(list_definitions(file) for file in files)) if named["path"].endswith(".py") else set()
    missing = [name for name in (named["names"] or "").split(", ") if name and name not in defined]
    if named["test"] and not any(fnmatch(name, named["test"]) for name in defined):
        missing.append(named["test"])
    return f"{named['path']} does not define {', '.join(missing)}" if missing else None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_files_and_functions_that_exist(document: Path):
    assert [mistake for span in read_spans(document) if (mistake := find_mistake(span))] == []


@pytest.mark.parametrize(
    "span",
    [
        "messaging/sending/nowhere.py",
        "messaging/nowhere/",
        "nowhere.py",
        "tokens/ledger.py: refund_twice",
        "tokens/ledger.py: refund, refund_twice",
        "messaging/live/hub.py: Hub.deliver_twice",
        "tokens/ledger.py:refund",
        "test_docs.py::test_nothing_of_this_name*",
    ],
)
def test_wrong_reference_is_found(span: str):
    assert find_mistake(span)


@pytest.mark.parametrize(
    "span",
    [
        "tokens/ledger.py",
        "tokens/",
        "tokens/ledger.py: debit, refund",
        "messaging/live/hub.py: Hub.deliver",
        "messagehub/errors.py: OURS",
        "test_docs.py::test_wrong_*",
        "balance + n >= 0",
    ],
)
def test_right_reference_is_accepted(span: str):
    assert find_mistake(span) is None


def test_each_row_of_the_index_names_a_function():
    index = (ROOT / "docs/architecture.md").read_text().partition("## Where is ...")[2]
    rows = [line for line in index.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 30
    without = [row for row in rows if not any((m := FILE.fullmatch(span)) and m["names"] for span in SPAN.findall(row))]
    assert without == []


# ---------------------------------------------------------------- variables
READ = re.compile(r"""env\.\w+\(\s*"([A-Z_]+)"|environ(?:\.get\(|\[)["']([A-Z_]+)["']|"([A-Z_]+)" not in os\.environ""")
SUBSTITUTED = re.compile(r"\$\{([A-Z0-9_]+)")


def test_configuration_names_each_variable_that_is_read():
    files = [ROOT / "manage.py", *(ROOT / "messagehub").rglob("*.py")]
    read = {name for file in files for groups in READ.findall(file.read_text()) for name in groups if name}
    documented = set(re.findall(r"`([A-Z_]+)`", (ROOT / "docs/configuration.md").read_text()))
    assert read - documented == set()


def test_example_has_each_variable_that_compose_takes_and_no_other():
    taken = set(SUBSTITUTED.findall((ROOT / "docker-compose.yml").read_text()))
    example = set(re.findall(r"^(?:# )?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert example == taken
