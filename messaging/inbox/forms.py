"""What people fill in on the inbox's pages, with and without a script."""

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integrations import providers
from messagehub.ui.fields import AheadField, LinesField
from messaging.message_templates import templates
from messaging.models import Conversation

EMPTY = {"required": _("Write a message first.")}
LONGEST_NOTE = 5000
NOBODY = "none"


class TextField(LinesField):
    """A message to a customer. A place of a template that was typed by hand would reach them as it stands."""

    default_error_messages = EMPTY

    def __init__(self, **options):
        super().__init__(max_length=providers.count_most_characters(), **options)

    def clean(self, value) -> str:
        text = super().clean(value)
        if place := templates.PLACE.search(text):
            raise forms.ValidationError(_("Replace %(place)s before sending."), params={"place": place[0]})
        return text


class ReplyForm(forms.Form):
    content = TextField()
    client_id = forms.UUIDField()
    send_at = AheadField(required=False)


class NoteForm(forms.Form):
    content = LinesField(max_length=LONGEST_NOTE, error_messages=EMPTY)
    client_id = forms.UUIDField(required=False)


class ScheduledForm(forms.Form):
    """Another text, another time, or both."""

    content = TextField()
    send_at = AheadField(required=False)


class OfferForm(forms.Form):
    """Opt out, or say why the customer did not mean it."""

    outcome = forms.ChoiceField(choices=[("accept", ""), ("dismiss", "")])
    reason = LinesField(max_length=300, required=False)

    def clean(self) -> dict:
        values = super().clean()
        if values.get("outcome") == "dismiss" and not values.get("reason"):
            raise forms.ValidationError(_("Say why the customer didn't mean it."))
        return values


class ChangeForm(forms.Form):
    """What people do with a conversation: one thing, or several to undo one."""

    status = forms.ChoiceField(choices=Conversation.Status.choices, required=False)
    snoozed_until = AheadField(required=False)
    assigned_to = forms.CharField(required=False)  # an id, or NOBODY
    add_label = forms.UUIDField(required=False)
    remove_label = forms.UUIDField(required=False)
    unread = forms.BooleanField(required=False)
    blocked = forms.TypedChoiceField(
        choices=[("yes", ""), ("no", "")], coerce=lambda given: given == "yes", empty_value=None, required=False
    )


class BulkForm(forms.Form):
    """What is done with all selected conversations: one thing, or what `undo` keeps of one."""

    status = forms.ChoiceField(
        choices=[(each, each) for each in (Conversation.Status.OPEN, Conversation.Status.CLOSED)], required=False
    )
    assigned_to = forms.CharField(required=False)  # an id, or NOBODY
    add_label = forms.UUIDField(required=False)
    remove_label = forms.UUIDField(required=False)
    undo = forms.JSONField(required=False)

    def clean(self) -> dict:
        values = super().clean() or {}
        if not any(values.values()) and not self.errors:
            raise forms.ValidationError(_("Choose what to do with the conversations."))
        return values


def first_error(form: forms.Form) -> str:
    """What is wrong with a form, in one line."""
    return " ".join(str(message) for messages in form.errors.values() for message in messages)


def moments_ahead() -> list[tuple[str, datetime]]:
    """Times to choose from when something is put off, by the viewer's clock: (what it is called, when)."""
    now = timezone.localtime()
    morning = now.replace(hour=9, minute=0, second=0, microsecond=0)
    evening = now.replace(hour=18, minute=0, second=0, microsecond=0)
    moments = [(_("In an hour"), (now + timedelta(hours=1)).replace(second=0, microsecond=0))]
    if now.hour < 16:
        moments.append((_("This evening"), evening))
    moments.append((_("Tomorrow morning"), morning + timedelta(days=1)))
    days = 7 - now.weekday()
    if days > 1:
        moments.append((_("Monday morning"), morning + timedelta(days=days)))
    return moments
