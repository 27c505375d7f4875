"""Our modules keep to the forms that joining and squeezing them by lines rests on."""

import re
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

from messagehub.ui import scripts
from messagehub.ui.scripts import Bundle, CircularImport, Module

FOLDER = settings.BASE_DIR / "static" / "ui"
SOURCES = sorted(FOLDER.rglob("*.js"))
LONGEST = 400


def name_of(source: Path) -> str:
    return str(source.relative_to(FOLDER))


@pytest.fixture
def static_folder(settings, tmp_path) -> Path:
    """A folder of static files beside ours, for modules that only a test has."""
    settings.STATICFILES_DIRS = [tmp_path]
    (tmp_path / "ui").mkdir()
    return tmp_path / "ui"


@pytest.mark.parametrize("source", SOURCES, ids=name_of)
def test_scripts_write_no_markup_and_evaluate_nothing(source):
    text = source.read_text()
    assert not re.search(r"\beval\(|new Function|insertAdjacentHTML|document\.write|setAttribute\([\"']style", text)
    assert len(re.findall(r"innerHTML", text)) <= (source.name == "request.js")  # the server's own parts


@pytest.mark.parametrize("source", SOURCES, ids=name_of)
def test_scripts_are_short(source):
    assert len(source.read_text().splitlines()) < LONGEST


@pytest.mark.parametrize("source", SOURCES, ids=name_of)
def test_scripts_can_be_squeezed_by_lines(source):
    """No text spans lines, and none holds what looks like a comment."""
    for line in source.read_text().splitlines():
        code = line.partition("//")[0] if re.match(r"\s*//|.*[;,{}()\]] +//", line) else line
        assert code.count("`") % 2 == 0, line
        assert not re.search(r"[\"'`][^\"'`]* //[^\"'`]*[\"'`]", code), line


@pytest.mark.parametrize("source", SOURCES, ids=name_of)
def test_imports_and_exports_can_be_found_by_lines(source):
    text = source.read_text()
    assert len(scripts.IMPORT.findall(text)) == len(re.findall(r"^\s*import\b(?!\()", text, re.MULTILINE))
    assert len(scripts.LAZY_IMPORT.findall(text)) == len(re.findall(r"\bimport\(", text))
    assert len(scripts.EXPORT.findall(text)) == len(re.findall(r"^\s*export\b", text, re.MULTILINE))
    assert not re.search(r"^await\b|\bimport\.meta\b", text, re.MULTILINE)


def test_every_module_is_in_one_bundle():
    counts = Counter(module.name for bundle in scripts.bundles() for module in bundle.modules)

    assert counts == Counter(map(name_of, SOURCES))


def test_what_is_squeezed_keeps_its_code():
    assert (
        scripts.squeeze(
            'import "./x.js";\nimport "./y.js";\n// Why.\nexport const a = 1;   // one\n\n  b(`http://x`)\n    .c;\n'
        )
        == 'import "./x.js";\nimport "./y.js";\nexport const a = 1;b(`http://x`)\n.c;'
    )


def test_modules_are_joined_in_the_order_of_their_imports(static_folder):
    (static_folder / "first.js").write_text('import { two as second } from "./second.js";\nsecond();\n')
    (static_folder / "second.js").write_text('import * as third from "./third.js";\nexport const two = third.three;\n')
    (static_folder / "third.js").write_text("export async function three() {}\n")

    bundle = Bundle(Module("first.js"))

    assert [module.name for module in bundle.modules] == ["third.js", "second.js", "first.js"]
    assert bundle.text() == (
        "const $third = (() => {async function three() {}\nreturn { three };})();"
        "const $second = (() => {const third = $third;const two = third.three;return { two };})();"
        "const $first = (() => {const { two: second } = $second;second();return {  };})();"
        "export { $third, $second, $first };"
    )


def test_a_bundle_imports_what_the_one_before_it_has(static_folder):
    (static_folder / "page.js").write_text('import { one } from "./shared.js";\none();\n')
    (static_folder / "shared.js").write_text("export const one = () => 1;\n")

    page = Bundle(Module("page.js"), (Bundle(Module("shared.js")),))

    assert page.text().splitlines()[0] == 'import { $shared } from "./shared.js";'
    assert "const one = () => 1;" not in page.text()


def test_a_circular_import_is_named(static_folder):
    (static_folder / "first.js").write_text('import { two } from "./second.js";\nexport const one = two;\n')
    (static_folder / "second.js").write_text('import { one } from "./first.js";\nexport const two = one;\n')

    with pytest.raises(CircularImport, match="first.js -> second.js -> first.js"):
        _ = Bundle(Module("first.js")).modules
