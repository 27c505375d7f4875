"""The words that the product says, as they stand in its code, and the files that translate them."""

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog, extract, mofile, pofile
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = settings.BASE_DIR
ROOMS = ("accounts", "chatrooms", "integrations", "messagehub", "messaging", "tokens")
LOCALES = Path(settings.LOCALE_PATHS[0])
TRANSLATED = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
KEYWORDS = {
    "_": None,
    **{f"{name}{lazy}": None for name in ("gettext", "gettext_noop") for lazy in ("", "_lazy")},
    **{f"ngettext{lazy}": (1, 2) for lazy in ("", "_lazy")},
    **{f"pgettext{lazy}": ((1, "c"), 2) for lazy in ("", "_lazy")},
    **{f"npgettext{lazy}": ((1, "c"), 2, 3) for lazy in ("", "_lazy")},
}
STRING = r"""u?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
CALL = re.compile(rf"\b(_|n?p?gettext)\(({STRING}(?:, ?{STRING})*)")

MARK = re.compile(r"%\(\w+\)[sd]|%%|%[sd]|\{\{[^{} ]*\}\}|\{\w*\}|<[^>]+>|&\w+;|\n")

Text = str | tuple[str, ...]  # or a singular with its plural
Key = tuple[str | None, str]  # a context and the text, or its singular: what gettext asks with
WordsOfCode = dict[Key, tuple[Text, list[str]]]


def key_of(text: Text) -> str:
    return text if isinstance(text, str) else text[0]


def words_of_template(source: str) -> Iterator[tuple[str | None, Text]]:
    for function, arguments in CALL.findall(templatize(source)):
        words = list(ast.literal_eval(f"[{arguments}]"))
        context = words.pop(0) if function in {"pgettext", "npgettext"} else None
        yield context, tuple(words) if len(words) > 1 else words[0]


def words_of_python(source: bytes) -> Iterator[tuple[str | None, Text]]:
    for _, words, _, context in extract.extract("python", io.BytesIO(source), keywords=KEYWORDS):
        yield context, words


def list_templates() -> list[Path]:
    """Those of pages and mails, and the parts of pages that stand in rooms."""
    folders = [ROOT / "templates", *(path for room in ROOMS for path in sorted((ROOT / room).rglob("templates")))]
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in {".html", ".txt"}]


def collect_words() -> WordsOfCode:
    """All that the code says, each with the files that say it, templates first."""
    found: WordsOfCode = {}
    modules = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")) if "migrations" not in path.parts]
    for path in list_templates() + modules:
        is_module = path.suffix == ".py"
        for context, text in words_of_python(path.read_bytes()) if is_module else words_of_template(path.read_text()):
            key = (context, key_of(text))
            known, files = found.setdefault(key, (text, []))
            if isinstance(known, str) and not isinstance(text, str):
                found[key] = (text, files)
            name = str(path.relative_to(ROOT))
            if name not in files:
                files.append(name)
    return found


def path_of(language: str, suffix: str = ".po") -> Path:
    return LOCALES / language / "LC_MESSAGES" / f"django{suffix}"


def read_catalogue(language: str) -> Catalog:
    with path_of(language).open("rb") as file:
        return pofile.read_po(file, locale=language)


def update_catalogue(language: str) -> Catalog:
    """Writes both files. Texts stand in the order of the files that say them; no line is named, for lines move."""
    known = read_catalogue(language)
    updated = Catalog(language, project=known.project, version=known.version, fuzzy=False)
    for name in ("header_comment", "creation_date", "revision_date", "last_translator", "language_team"):
        setattr(updated, name, getattr(known, name))
    updated.msgid_bugs_address = known.msgid_bugs_address
    for (context, text), (words, files) in collect_words().items():
        before = known.get(text, context)
        keeps = before is not None and isinstance(before.id, str) == isinstance(words, str)
        updated.add(
            words,
            before.string if before and keeps else None,
            locations=[(name, None) for name in files],
            flags=before.flags if before and keeps else (),
            user_comments=before.user_comments if before else (),
            context=context,
        )
    with path_of(language).open("wb") as file:
        pofile.write_po(file, updated, width=120)
    path_of(language, ".mo").write_bytes(compile_catalogue(updated))
    return updated


def find_faults(catalogue: Catalog, words: WordsOfCode) -> Iterator[str]:
    """What keeps a catalogue from saying all that the code says, and nothing else."""
    messages = {(message.context, key_of(message.id)): message for message in catalogue if message.id}
    for key, (text, files) in words.items():
        message = messages.pop(key, None)
        if message is None or isinstance(message.id, str) != isinstance(text, str):
            yield f"missing, said in {files[0]}: {text!r}"
            continue
        forms = [message.string] if isinstance(text, str) else list(message.string)
        if not all(forms) or len(forms) != (1 if isinstance(text, str) else catalogue.num_plurals):
            yield f"not translated, or not all of its forms: {text!r}"
        if message.fuzzy:
            yield f"fuzzy: {text!r}"
        originals = [text] * len(forms) if isinstance(text, str) else [text[0]] + [text[1]] * (len(forms) - 1)
        for original, form in zip(originals, forms, strict=True):
            if form and marks_of(original) != marks_of(form):
                yield f"other placeholders or tags: {original!r} -> {form!r}"
    yield from (f"nothing says it any more: {message.id!r}" for message in messages.values())
    yield from (f"obsolete: {message.id!r}" for message in catalogue.obsolete.values())


def marks_of(text: str) -> list[str]:
    """What a program fills in or a browser draws, and line breaks, which a subject is cut off at."""
    return sorted(MARK.findall(text))


def compile_catalogue(catalogue: Catalog) -> bytes:
    compiled = io.BytesIO()
    mofile.write_mo(compiled, catalogue)
    return compiled.getvalue()
