"""Nothing that the code says is left in English, and the catalogues say nothing else."""

import pytest
from babel.messages import Catalog

from tests.translations import catalogue


@pytest.fixture(scope="module")
def words() -> catalogue.WordsOfCode:
    return catalogue.collect_words()


@pytest.mark.parametrize("language", catalogue.TRANSLATED)
def test_every_text_is_translated(language, words):
    faults = list(catalogue.find_faults(catalogue.read_catalogue(language), words))
    assert not faults, "\n".join(["Run `python -m tests.translations`, translate, run it again:", *faults])


@pytest.mark.parametrize("language", catalogue.TRANSLATED)
def test_compiled_catalogue_is_that_of_the_text(language):
    compiled = catalogue.compile_catalogue(catalogue.read_catalogue(language))
    assert catalogue.path_of(language, ".mo").read_bytes() == compiled, "Run `python -m tests.translations`."


def test_texts_of_templates_and_modules_are_found():
    template = (
        '{% translate "One" %} {{ name|default:_("Two") }} {% icon "x" 14 _("Three") %}'
        '{% translate "," context "list" %}'
        "{% blocktranslate count n=n %}{{ n }} day{% plural %}{{ n }} days{% endblocktranslate %}"
    )
    assert list(catalogue.words_of_template(template)) == [
        (None, "One"),
        (None, "Two"),
        (None, "Three"),
        ("list", ","),
        (None, ("%(n)s day", "%(n)s days")),
    ]
    module = b'_("One")\nngettext("{n} day", "{n} days", n)\npgettext_lazy("list", ",")\nask("Not said")\n'
    assert list(catalogue.words_of_python(module)) == [
        (None, "One"),
        (None, ("{n} day", "{n} days")),
        ("list", ","),
    ]


@pytest.mark.parametrize(
    ("text", "translation", "flags", "fault"),
    [
        ("Send", "Senden", (), None),
        ("Send", "", (), "not translated"),
        ("Send", "Senden", ("fuzzy",), "fuzzy"),
        ("Reply", "Antworten", (), "missing"),
        ("To %(name)s", "An %(nam)s", (), "other placeholders"),
        ("Row {n}", "Zeile", (), "other placeholders"),
        ("Dear <b>you</b>", "Hallo", (), "other placeholders"),
        (("{n} day", "{n} days"), ("{n} Tag", "{n} Tage"), (), None),
        (("{n} day", "{n} days"), ("{n} Tag", ""), (), "not translated"),
        (("{n} day", "{n} days"), ("{n} Tag", "Tage"), (), "other placeholders"),
    ],
)
def test_each_fault_of_a_catalogue_is_found(text, translation, flags, fault):
    german = Catalog("de")
    german.add("Send" if fault == "missing" else text, translation, flags=flags)
    words = {(None, catalogue.key_of(text)): (text, ["a.html"])}
    if fault == "missing":
        words[None, "Send"] = ("Send", ["b.html"])
    faults = list(catalogue.find_faults(german, words))
    assert [each.startswith(fault) for each in faults] == [True] if fault else not faults


def test_text_that_nothing_says_any_more_is_found():
    german = Catalog("de")
    german.add("Gone", "Weg")
    assert list(catalogue.find_faults(german, {})) == ["nothing says it any more: 'Gone'"]
