"""Reading a CSV file of contacts: its rows, what its columns are, and what is wrong with a row."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from chatrooms import phones
from messagehub import languages, names, sentences

MOST_BYTES = 4000 * 1024  # 100,000 rows of 40 bytes; with the rest of the form within `LARGER_BODIES`
MOST_COLUMNS = 60
LONGEST_NAME, LONGEST_EMAIL = 80, 254
# What headings are called in files that people have, in the languages of the product.
HEADINGS = {
    "opt_out": r"opt(ed)?[-_ ]?out|unsubscribed|do not (text|contact)|abgemeldet|abmeldung",
    "consent": r"consent|opt(ed)?[-_ ]?in\b|subscribed|einwilligung|einverst",
    "phone": r"phone|mobile|cell|tel|number|msisdn|whatsapp|handy|rufnummer|nummer",
    "email": r"e-?mail",
    "first_name": r"first|given|vorname",
    "last_name": r"last|family|surname|nachname|familienname",
    "name": r"name|contact|kontakt",
}
# What cells of such a column say. Nothing is recorded for an empty one, nor where nothing is known.
YES = frozenset("yes y true 1 x opted_in opt_in opted-in subscribed ja wahr".split())
NO = frozenset("no n false 0 opted_out opt_out opted-out unsubscribed stop nein falsch".split())
KNOWN = YES | NO | {"", "unknown", "unbekannt", "-"}
FORMULA = re.compile(r"'(?=[=+\-@])")  # what our own export puts before a cell, and spreadsheets before a number


class BadFile(Exception):
    """The file can't be read as a list of contacts; says why."""

    def __init__(self, explanation: str) -> None:
        self.fields = {"file": [explanation]}
        super().__init__(explanation)


@dataclass(frozen=True, slots=True)
class Table:
    headings: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class ParsedRow:
    """A row as a contact, or with the reason why it is none. `number` is its place in the file, headings being 1.

    `typed` is the phone number as the file has it. `consent` is a kind of consent entry, with the file's words and the
    row that has them.
    """

    number: int
    values: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    typed: str = ""
    consent: str = ""
    consent_words: str = ""
    consent_row: int = 0


def decode_file(content: bytes) -> str:
    """The text of a file of a spreadsheet, of MOST_BYTES at most. Raises BadFile."""
    if len(content) > MOST_BYTES:
        words = _("The file is larger than {n} KB. Split it into several files.")
        raise BadFile(words.format(n=languages.format_number(MOST_BYTES // 1024)))
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252"]  # the second is what Excel writes where nobody asks it for UTF-8
    for encoding in encodings:
        try:
            return content.decode(encoding).replace("\0", "")
        except UnicodeDecodeError:
            continue
    raise BadFile(_("This isn't a text file. Save the list as CSV and choose that file."))


def read_table(text: str) -> Table:
    """Raises BadFile."""
    first_line = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t|", key=first_line.count)
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=delimiter)]
    except csv.Error:
        raise BadFile(_("This isn't a CSV file. Save the list as CSV and choose that file.")) from None
    rows = [row for row in rows if any(row)]
    if len(rows) < 2:
        raise BadFile(
            _("The file has no rows. The first line has the names of the columns, each further line a contact.")
        )
    width = max(len(row) for row in rows)
    if width > MOST_COLUMNS:
        raise BadFile(_("The file has too many columns. Leave those with name, phone and email."))
    padded = [row + [""] * (width - len(row)) for row in rows]
    return Table(padded[0], padded[1:])


def guess_columns(headings: Sequence[str]) -> list[str]:
    """What each column probably is, by its heading; each kind once."""
    columns, used = [], set()
    for heading in headings:
        kinds = (kind for kind, pattern in HEADINGS.items() if re.search(pattern, heading, re.IGNORECASE))
        kind = next((kind for kind in kinds if kind not in used), "")
        used.add(kind)
        columns.append(kind)
    return columns


def parse_rows(table: Table, columns: Sequence[str], country: str) -> Iterator[ParsedRow]:
    """Each row of the file in its order. A number that an earlier row had is a reason too.

    An opt-out in any row of a number is one of the row that is taken.
    """
    rows_of_numbers: dict[str, int] = {}
    opt_outs = _find_opt_outs(table, columns, country)
    for number, row in enumerate(table.rows, start=2):
        values = _read_cells(columns, row)
        typed = values.get("phone", "")
        try:
            consent, consent_words = _read_consent(values)
            values = _clean_row(values, country)
        except (ValidationError, phones.ImpossibleNumber) as error:
            yield ParsedRow(number, reason=error.messages[0] if isinstance(error, ValidationError) else str(error))
            continue
        person = _identify(values["phone"])
        consent_row = number
        if person in opt_outs:
            consent, (consent_words, consent_row) = "opt_out", opt_outs[person]
        first = rows_of_numbers.setdefault(person, number)
        if first != number:
            words = _(sentences.SAME_NUMBER_IN_ROW).format(n=first)
            yield ParsedRow(number, reason=words)
        else:
            yield ParsedRow(number, values, "", typed, consent, consent_words, consent_row)


def _find_opt_outs(table: Table, columns: Sequence[str], country: str) -> dict[str, tuple[str, int]]:
    """Who wants no messages by any row of theirs, also one that is skipped: in which words, and the first such row."""
    found: dict[str, tuple[str, int]] = {}
    if not {"opt_out", "consent"} & set(columns):
        return found
    for number, row in enumerate(table.rows, start=2):
        values = _read_cells(columns, row)
        try:
            kind, words = _read_consent(values)
            if kind == "opt_out":
                phone = phones.normalize_phone(values.get("phone", ""), country)
                found.setdefault(_identify(phone), (words, number))
        except (ValidationError, phones.ImpossibleNumber):
            continue  # told where the row is read
    return found


def _read_cells(columns: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    return {kind: FORMULA.sub("", cell, count=1) for kind, cell in zip(columns, row, strict=True) if kind}


def _identify(phone: str) -> str:
    """The same for all forms of a number."""
    return min(phones.list_forms(phone))


def _read_consent(values: Mapping[str, str]) -> tuple[str, str]:
    """The kind of consent entry that a row asks for, with its words, or nothing. Raises ValidationError."""
    given = [(kind, values.get(kind, "")) for kind in ("opt_out", "consent")]
    for kind, words in given:
        answer = words.casefold()
        if answer not in KNOWN:
            raise ValidationError(_(sentences.NEITHER_YES_NOR_NO), params={"given": words[:40]})
        if (answer in YES and kind == "opt_out") or (answer in NO and kind == "consent"):
            return "opt_out", words
        # A column of opt-outs may say "opted_out" in place of yes.
        if kind == "opt_out" and answer in NO - {"no", "n", "false", "0", "nein", "falsch"}:
            return "opt_out", words
    words = values.get("consent", "")
    return ("opt_in", words) if words.casefold() in YES else ("", "")


def _clean_row(values: Mapping[str, str], country: str) -> dict[str, str]:
    """Raises ValidationError and ImpossibleNumber."""
    if not values.get("phone"):
        raise ValidationError(_("No phone number."))
    first_name, last_name = values.get("first_name", ""), values.get("last_name", "")
    if "name" in values and not (first_name or last_name):
        first_name, _space, last_name = values["name"].partition(" ")
    for name in (first_name, last_name):
        if len(name) > LONGEST_NAME:
            raise ValidationError(_("The name is longer than 80 characters."))
        if name:
            names.validate_name(name)
    email = values.get("email", "")
    if email:
        if len(email) > LONGEST_EMAIL:
            raise ValidationError(_("The email address is too long."))
        validate_email(email)
    phone = phones.normalize_phone(values["phone"], country)
    return {"first_name": first_name, "last_name": last_name.strip(), "phone": phone, "email": email}
