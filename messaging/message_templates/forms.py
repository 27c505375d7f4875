"""A template as people write it."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatrooms.models import Chatroom
from integrations import segments
from messagehub import names
from messagehub.ui.fields import LinesField
from messaging.media.forms import FilesField
from messaging.message_templates import templates
from messaging.models import MessageTemplate


class TemplateForm(forms.Form):
    """Its name, text and files; a new one's chatroom too. Those of all chatrooms are written by admins."""

    chatroom = forms.ModelChoiceField(queryset=Chatroom.objects.none(), label=_("For"))
    name = forms.CharField(label=_("Name"), max_length=80, validators=[names.validate_name])
    body = LinesField(
        label=_("Text"), max_length=segments.LONGEST_TEXT, strip=False, widget=forms.Textarea(attrs={"rows": 6}),
    )  # fmt: skip
    media_urls = FilesField(label=_("Files"), required=False)

    def __init__(self, user: User, *args, template: MessageTemplate | None = None, **options):
        super().__init__(*args, **options)
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

    def clean_body(self) -> str:
        body = self.cleaned_data["body"]
        if not body.strip():
            raise forms.ValidationError(_("Write a text."))
        try:
            templates.check_template(body)
        except templates.BadTemplate as error:
            raise forms.ValidationError(str(error)) from None
        return body
