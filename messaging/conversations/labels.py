"""Words that sort conversations, the same in every chatroom of an organization."""

from accounts.models import Organization
from messagehub import constraints
from messaging.models import Label


def create_label(organization: Organization, **values) -> Label:
    """A new label. Raises NameTaken."""
    with _named():
        return Label.objects.create(organization=organization, **values)


def change_label(label: Label, **values) -> None:
    """Give a label another name or color. Raises NameTaken."""
    for name, value in values.items():
        setattr(label, name, value)
    with _named():
        label.save(update_fields=list(values))


def _named():
    return constraints.translate_violation("labels_name", constraints.NameTaken("label"))
