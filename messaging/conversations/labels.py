"""Labels for organizing conversations, the same in every chatroom of an organization."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEntry, Organization, User
from messagehub import constraints
from messaging.conversations import changes
from messaging.live import event_log
from messaging.models import Conversation, ConversationLabel, Label, MessageTemplate

UNDONE_WITHIN = timedelta(days=1)
MOST_UNDONE = 2000  # labeled conversations that a deletion remembers, so that it can be undone


class CannotUndo(Exception):
    """The deletion is not the organization's, was undone already, or was of too many conversations."""


@transaction.atomic
def create_label(organization: Organization, *, by: User | None = None, **values) -> Label:
    """A new label. Raises NameTaken."""
    with _named():
        label = Label.objects.create(organization=organization, **values)
    audit.record_action("label.create", actor=by, target=label, after={"name": label.name, "color": label.color})
    return label


@transaction.atomic
def change_label(label: Label, *, by: User | None = None, **values) -> None:
    """Give a label another name or color. Raises NameTaken."""
    saved = Label.objects.get(pk=label.pk)
    before = {name: getattr(saved, name) for name, value in values.items() if getattr(saved, name) != value}
    if not before:
        return
    for name, value in values.items():
        setattr(label, name, value)
    with _named():
        label.save(update_fields=list(values))
    after = {name: values[name] for name in before}
    audit.record_action("label.change", actor=by, target=label, before=before, after=after)


def can_undo_deletion(label: Label) -> bool:
    return len(label.labelings.values_list("pk")[: MOST_UNDONE + 1]) <= MOST_UNDONE


@transaction.atomic
def delete_label(label: Label, *, by: User | None = None) -> None:
    """Take the label off all conversations and templates, and remember which they were, up to MOST_UNDONE.

    See `restore_label`.
    """
    before: dict = {"name": label.name, "color": label.color}
    if can_undo_deletion(label):
        labeled = label.labelings.order_by("pk").values_list("conversation_id", flat=True)
        before["conversation_ids"] = [str(pk) for pk in labeled]
        labeled_templates = MessageTemplate.objects.filter(label=label).order_by("pk").values_list("pk", flat=True)
        before["template_ids"] = [str(pk) for pk in labeled_templates[:MOST_UNDONE]]
    audit.record_action("label.delete", actor=by, target=label, before=before)
    label.delete()


def find_deletion(organization: Organization, label_id: UUID) -> dict | None:
    """What a deletion within the last day wrote down, if it can be undone: name, color and conversations."""
    since = audit.least_id_at(timezone.now() - UNDONE_WITHIN)
    recent = AuditEntry.objects.filter(organization=organization, pk__gte=since)
    deletion = recent.filter(action="label.delete", target_id=str(label_id)).order_by("-pk").first()
    before = deletion.before if deletion else None
    if not before or "conversation_ids" not in before or Label.objects.filter(pk=label_id).exists():
        return None
    return before


@transaction.atomic
def restore_label(organization: Organization, label_id: UUID, *, by: User) -> Label:
    """Undo a deletion: the same label, on the same conversations and templates. Raises CannotUndo and NameTaken."""
    deleted = find_deletion(organization, label_id)
    if deleted is None:
        raise CannotUndo
    with _named():
        label = Label.objects.create(
            pk=label_id, organization=organization, name=deleted["name"], color=deleted["color"]
        )
    conversations = Conversation.objects.filter(organization=organization, pk__in=deleted["conversation_ids"])
    rows = list(conversations.select_for_update(no_key=True, of=("self",)).order_by("pk"))
    ConversationLabel.objects.bulk_create(
        ConversationLabel(organization=organization, conversation=row, label=label) for row in rows
    )
    templates = MessageTemplate.objects.filter(organization=organization, label=None)
    templates.filter(pk__in=deleted.get("template_ids", [])).update(label=label)
    event_log.record_events(
        [changes.conversation_updated(row.organization_id, row.chatroom_id, row.pk) for row in rows]
    )
    after = {"name": label.name, "conversations": len(rows)}
    audit.record_action("label.restore", actor=by, target=label, after=after)
    return label


def _named():
    return constraints.translate_violation("labels_name", constraints.NameTaken("label"))
