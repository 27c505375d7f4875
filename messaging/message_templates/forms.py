"""A template as people write it."""

from collections.abc import Iterator

from django import forms
from django.db.models.functions import Lower
from django.forms.models import ModelChoiceIterator
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatrooms.models import Chatroom
from integrations import segments
from messagehub import names
from messagehub.ui.fields import LinesField
from messaging.media.forms import FilesField
from messaging.message_templates import templates
from messaging.models import Label, MessageTemplate

PERSONAL = "personal"


class ScopeField(forms.ModelChoiceField):
    """A chatroom; PERSONAL for one's own; for admins also none, which is all chatrooms."""

    class Choices(ModelChoiceIterator):
        def __iter__(self) -> Iterator[tuple]:
            yield from super().__iter__()
            yield PERSONAL, MessageTemplate.Scope.PERSONAL.label

    iterator = Choices

    def to_python(self, value) -> Chatroom | str | None:
        return PERSONAL if value == PERSONAL else super().to_python(value)


class TemplateForm(forms.Form):
    """Its name, text, files and label; whom a new one is for, too. Those of all chatrooms are written by admins."""

    chatroom = ScopeField(
        queryset=Chatroom.objects.none(), label=_("For"), help_text=_("“Only me” is seen and used by nobody else.")
    )
    name = forms.CharField(label=_("Name"), max_length=80, validators=[names.validate_name])
    body = LinesField(
        label=_("Text"), max_length=segments.LONGEST_TEXT, strip=False, widget=forms.Textarea(attrs={"rows": 6}),
    )  # fmt: skip
    label = forms.ModelChoiceField(
        queryset=Label.objects.none(), label=_("Label"), required=False, empty_label=_("No label")
    )
    media_urls = FilesField(label=_("Files"), required=False)

    def __init__(self, user: User, *args, template: MessageTemplate | None = None, **options):
        super().__init__(*args, **options)
        self.user = user
        self.fields["label"].queryset = Label.objects.visible_to(user).order_by(Lower("name"))
        rooms = Chatroom.objects.visible_to(user).order_by("name", "pk")
        # A file belongs to a chatroom, also where everybody sends it.
        own_room = template.chatroom if template else None
        self.fields["media_urls"].serve(user, own_room or rooms.first(), kept=template.media_urls if template else ())
        if template:
            del self.fields["chatroom"]
            return
        chatroom = self.fields["chatroom"]
        chatroom.queryset = rooms
        chatroom.required = not user.is_admin
        chatroom.empty_label = _("All chatrooms") if user.is_admin else None

    def clean(self) -> dict:
        data = super().clean()
        if "chatroom" in data:
            is_personal = data["chatroom"] == PERSONAL
            data["owner"] = self.user if is_personal else None
            data["chatroom"] = None if is_personal else data["chatroom"]
        return data

    def clean_body(self) -> str:
        body = self.cleaned_data["body"]
        if not body.strip():
            raise forms.ValidationError(_("Write a text."))
        try:
            templates.check_template(body)
        except templates.BadTemplate as error:
            raise forms.ValidationError(str(error)) from None
        return body
