"""Importing contacts from a CSV file, and undoing that. The worker does both, in batches that each commit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from accounts import audit
from accounts.models import User
from chatrooms import contacts, phones
from chatrooms.models import Chatroom, Contact, ContactActivity, ContactAddress, Group, GroupMember
from integrations.models import Channel
from messagehub import sentences, tenancy
from messaging.consent import entries
from messaging.contacts import csv_files
from messaging.contacts.csv_files import ParsedRow
from messaging.live import event_log
from messaging.models import ConsentEntry, ContactImport, ImportRow

BATCH = 500
PREVIEWED = 1000  # rows that are looked at before an import
TRIES = 3  # of a batch whose contacts somebody else made or merged meanwhile
KINDS = ("phone", "first_name", "last_name", "name", "email", "consent", "opt_out")
State, Outcome = ContactImport.State, ImportRow.Outcome


class BadColumns(Exception):
    """The columns don't make contacts."""


class WrongImportState(Exception):
    """The import was started or undone already."""

    def __init__(self) -> None:
        super().__init__(_("Someone has already started or undone this import."))


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do with the first rows of its file.

    `completed` are those whose number got the country code of the import, `unassigned` counts numbers that are in no
    range of their country. `opt_ins` and `opt_outs` count the contacts whose consent the file tells.
    """

    seen: int
    new: int
    existing: int
    skipped: list[ParsedRow]
    completed: list[ParsedRow]
    unassigned: int
    opt_ins: int
    opt_outs: int


@transaction.atomic
def create_import(chatroom: Chatroom, file_name: str, content: bytes, *, by: User) -> ContactImport:
    """Keep a file until its columns are matched. Raises BadFile."""
    text = csv_files.decode_file(content)
    table = csv_files.read_table(text)
    return ContactImport.objects.create(
        organization_id=chatroom.organization_id,
        chatroom=chatroom,
        created_by=by,
        file_name=file_name[:200],
        content=text,
        columns=csv_files.guess_columns(table.headings),
        country=chatroom.organization.default_country,
        total=len(table.rows),
    )


def check_columns(columns: Sequence[str], count: int) -> list[str]:
    """The kinds of the columns. Raises BadColumns."""
    chosen = [kind for kind in columns if kind]
    if len(columns) != count or not set(chosen) <= set(KINDS):
        raise BadColumns(_("Choose what each column is."))
    if len(chosen) != len(set(chosen)):
        raise BadColumns(_("Two columns are the same. Choose one of them, and leave the other out."))
    if "phone" not in chosen:
        raise BadColumns(_("Choose the column with the phone numbers. A contact needs one."))
    return list(columns)


def preview_import(contact_import: ContactImport, columns: Sequence[str], country: str) -> Preview:
    """What would become of the first PREVIEWED rows. Nothing is changed."""
    table = csv_files.read_table(contact_import.content)
    rows = list(islice(csv_files.parse_rows(table, columns, country), PREVIEWED))
    rows = _refuse_consent_to_nobody(rows, _list_channels(contact_import))
    good = [row for row in rows if not row.reason]
    existing = _find_existing(contact_import.chatroom_id, good)
    return Preview(
        seen=len(rows),
        new=len(good) - len(existing),
        existing=len(existing),
        skipped=[row for row in rows if row.reason],
        completed=[row for row in good if not phones.has_country_code(row.typed)],
        unassigned=sum(not phones.is_assigned(row.values["phone"]) for row in good),
        opt_ins=sum(row.consent == ConsentEntry.Kind.OPT_IN for row in good),
        opt_outs=sum(row.consent == ConsentEntry.Kind.OPT_OUT for row in good),
    )


@transaction.atomic
def start_import(
    contact_import: ContactImport, columns: Sequence[str], country: str, group: Group | None, *, by: User
) -> None:
    """Hand the import to the worker. Raises WrongImportState."""
    waiting = ContactImport.objects.filter(pk=contact_import.pk, state=State.UPLOADED)
    if not waiting.update(state=State.QUEUED, columns=list(columns), country=country, group=group):
        raise WrongImportState
    audit.record_action("contact_import.start", actor=by, target=contact_import, after={"rows": contact_import.total})
    app.configure_task("messaging.tasks.import_contacts").defer(import_id=str(contact_import.pk))


@transaction.atomic
def import_file(
    chatroom: Chatroom, group: Group | None, file_name: str, content: bytes, *, by: User, country: str = ""
) -> ContactImport:
    """Import a file whose columns are what their titles say, without asking. Raises BadFile.

    `country` (ISO 3166, two letters) is for numbers without a country code; where there is none, the organization's.
    """
    contact_import = create_import(chatroom, file_name, content, by=by)
    if "phone" not in contact_import.columns:
        raise csv_files.BadFile(_("No column has a title such as Phone or Mobile. A contact needs a phone number."))
    start_import(contact_import, contact_import.columns, country or contact_import.country, group, by=by)
    return contact_import


def list_row_errors(contact_import: ContactImport, *, after: int, limit: int) -> list[ImportRow]:
    """The rows that were not imported, in the order of the file, behind a row's number."""
    skipped = contact_import.rows.filter(outcome=Outcome.SKIPPED, number__gt=after)
    return list(skipped.order_by("number")[:limit])


@transaction.atomic
def start_undo(contact_import: ContactImport, *, by: User) -> None:
    """Let the worker undo the import. Raises WrongImportState."""
    if not ContactImport.objects.filter(pk=contact_import.pk, state=State.DONE).update(state=State.UNDOING):
        raise WrongImportState
    audit.record_action("contact_import.undo", actor=by, target=contact_import)
    app.configure_task("messaging.tasks.undo_import").defer(import_id=str(contact_import.pk))


# ---------------------------------------------------------------- in the worker
def run_import(import_id: UUID) -> None:
    """Import what is still to be imported. Begun again after a crash, it goes on behind the last batch."""
    with tenancy.system():
        contact_import = ContactImport.objects.filter(pk=import_id, state=State.QUEUED).first()
        if contact_import is None:
            return
        country = contact_import.country or contact_import.organization.default_country
    table = csv_files.read_table(contact_import.content)
    rows = islice(csv_files.parse_rows(table, contact_import.columns, country), contact_import.handled, None)
    while batch := list(islice(rows, BATCH)):
        _import_batch(contact_import, batch)
    with tenancy.organization(contact_import.organization_id):
        ContactImport.objects.filter(pk=import_id).update(state=State.DONE, content="")


def run_undo(import_id: UUID) -> None:
    """Delete the contacts that the import created and nobody has used since, and take the others out of its group."""
    with tenancy.system():
        contact_import = ContactImport.objects.filter(pk=import_id, state=State.UNDOING).first()
    if contact_import is None:
        return
    organization_id, last = contact_import.organization_id, 0
    while True:
        with tenancy.organization(organization_id):
            left = contact_import.rows.filter(number__gt=last, contact_id__isnull=False).order_by("number")
            rows = list(left[:BATCH])
            if not rows:
                break
            last = rows[-1].number
            _undo_rows(contact_import, rows)
    with tenancy.organization(organization_id):
        ContactImport.objects.filter(pk=import_id).update(state=State.UNDONE)


def _import_batch(contact_import: ContactImport, batch: list[ParsedRow]) -> None:
    """In a transaction of its own, which is begun anew where a number was taken meanwhile."""
    for attempt in range(1, TRIES + 1):
        try:
            with tenancy.organization(contact_import.organization_id):
                _write_batch(contact_import, batch)
        except IntegrityError:
            if attempt == TRIES:
                raise
        else:
            return


def _write_batch(contact_import: ContactImport, batch: list[ParsedRow]) -> None:
    groups = Group.objects.select_for_update(no_key=True)
    group = groups.filter(pk=contact_import.group_id).first() if contact_import.group_id else None
    channels = _list_channels(contact_import)
    batch = _refuse_consent_to_nobody(batch, channels)
    good = [row for row in batch if not row.reason]
    existing = _find_existing(contact_import.chatroom_id, good)
    made = {row.number: _new_contact(contact_import, row) for row in good if row.number not in existing}
    Contact.objects.bulk_create(made.values())
    ContactActivity.objects.bulk_create(
        ContactActivity(
            organization_id=contact_import.organization_id,
            contact=contact,
            kind=ContactActivity.Kind.CREATED,
            actor_id=contact_import.created_by_id,
            reference=contact.pk,
        )
        for contact in made.values()
    )
    contact_of = {number: contact.pk for number, contact in made.items()} | existing
    joined = _join_group(group, set(contact_of.values())) if group else set()
    outcomes = [
        ImportRow(
            organization_id=contact_import.organization_id,
            contact_import=contact_import,
            number=row.number,
            outcome=Outcome.SKIPPED if row.reason else Outcome.CREATED if row.number in made else Outcome.EXISTING,
            contact_id=contact_of.get(row.number),
            joined=contact_of.get(row.number) in joined,
            reason=row.reason[:300],
        )
        for row in batch
    ]
    ImportRow.objects.bulk_create(outcomes)
    ContactImport.objects.filter(pk=contact_import.pk).update(
        handled=F("handled") + len(batch),
        created_count=F("created_count") + len(made),
        existing_count=F("existing_count") + len(existing),
        skipped_count=F("skipped_count") + len(batch) - len(good),
    )
    # Last of all: it may lock the chatroom's event counter.
    event_log.record_events(_record_consent(contact_import, channels, [row for row in good if row.consent]))


def _record_consent(
    contact_import: ContactImport, channels: Sequence[Channel], rows: Sequence[ParsedRow]
) -> list[event_log.Change]:
    """What the rows say, for each channel of the chatroom; returns the changes to record.

    No file lifts an opt-out, and what holds already is not said again.
    """
    decisions = entries.find_decisions([channel.pk for channel in channels], [row.values["phone"] for row in rows])
    new_entries = []
    for row, channel in product(rows, channels):
        decision = decisions.get((channel.pk, row.values["phone"]))
        if decision and decision.kind in (row.consent, ConsentEntry.Kind.OPT_OUT):
            continue
        new_entries.append(
            ConsentEntry(
                organization_id=contact_import.organization_id,
                channel=channel,
                address=row.values["phone"],
                kind=row.consent,
                source=ConsentEntry.Source.IMPORT,
                text=row.consent_words,
                actor_id=contact_import.created_by_id,
                reason=sentences.CONSENT_OF_FILE.format(file=contact_import.file_name, n=row.consent_row),
            )
        )
    ConsentEntry.objects.bulk_create(new_entries)
    return entries.list_consequences((entry.channel_id, entry.address, entry.kind) for entry in new_entries)


def _new_contact(contact_import: ContactImport, row: ParsedRow) -> Contact:
    values = row.values
    is_named = values["first_name"] or values["last_name"]
    return Contact(
        organization_id=contact_import.organization_id,
        chatroom_id=contact_import.chatroom_id,
        name_source=Contact.NameSource.STAFF if is_named else Contact.NameSource.NONE,
        **values,
    )


def _find_existing(chatroom_id: UUID, rows: Sequence[ParsedRow]) -> dict[int, UUID]:
    """Contacts of the chatroom by the number of the row that is about them, in whichever form the phone is known."""
    row_of_form = {form: row.number for row in rows for form in phones.list_forms(row.values["phone"])}
    addresses = ContactAddress.objects.filter(chatroom_id=chatroom_id, platform=contacts.SMS, address__in=row_of_form)
    return {row_of_form[address]: pk for address, pk in addresses.order_by("pk").values_list("address", "contact_id")}


def _join_group(group: Group, contact_ids: set[UUID]) -> set[UUID]:
    """Returns those who were not in the group before."""
    locked = Contact.objects.select_for_update(no_key=True).filter(pk__in=contact_ids).order_by("pk")
    new_ids = set(locked.values_list("pk", flat=True))
    new_ids -= set(group.members.filter(contact__in=new_ids).values_list("contact_id", flat=True))
    GroupMember.objects.bulk_create(
        GroupMember(organization_id=group.organization_id, group=group, contact_id=pk) for pk in sorted(new_ids)
    )
    return new_ids


def _undo_rows(contact_import: ContactImport, rows: list[ImportRow]) -> None:
    joined = [row.contact_id for row in rows if row.joined]
    GroupMember.objects.filter(group=contact_import.group_id, contact__in=joined).delete()
    created = {row.contact_id for row in rows if row.outcome == Outcome.CREATED and row.contact_id}
    # Someone changed it, merged it or wrote to it.
    used = ContactActivity.objects.filter(contact=OuterRef("pk")).exclude(kind=ContactActivity.Kind.CREATED)
    unused_contacts = Contact.objects.filter(~Exists(used), pk__in=created).order_by("pk")
    deleted = 0
    for contact in unused_contacts:
        try:
            contacts.delete_contact(contact)
        except contacts.ContactHasConversations:
            continue
        deleted += 1
    ImportRow.objects.filter(pk__in=[row.pk for row in rows]).update(contact_id=None)
    ContactImport.objects.filter(pk=contact_import.pk).update(kept_count=F("kept_count") + len(created) - deleted)


def _list_channels(contact_import: ContactImport) -> list[Channel]:
    return list(Channel.objects.filter(chatroom=contact_import.chatroom_id, platform=contacts.SMS).order_by("pk"))


def _refuse_consent_to_nobody(rows: list[ParsedRow], channels: Sequence[Channel]) -> list[ParsedRow]:
    """Consent is given to a number; a chatroom without one can't keep it, and the row is not imported without it."""
    if channels:
        return rows
    return [replace(row, reason=sentences.NO_CHANNEL_FOR_CONSENT) if row.consent else row for row in rows]
