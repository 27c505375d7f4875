"""A template as people write it."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatrooms.models import Chatroom
from integrations import segments
from messagehub import names
from messagehub.ui.fields import LinesField
from messaging.message_templates import templates


class TemplateForm(forms.Form):
    """Its name and text; a new one's chatroom too. Those of all chatrooms are written by admins."""

    chatroom = forms.ModelChoiceField(queryset=Chatroom.objects.none(), label=_("For"))
    name = forms.CharField(label=_("Name"), max_length=80, validators=[names.validate_name])
    body = LinesField(
        label=_("Text"), max_length=segments.LONGEST_TEXT, strip=False, widget=forms.Textarea(attrs={"rows": 6}),
    )  # fmt: skip

    def __init__(self, user: User, *args, is_new: bool, **options):
        super().__init__(*args, **options)
        if not is_new:
            del self.fields["chatroom"]
            return
        chatroom = self.fields["chatroom"]
        chatroom.queryset = Chatroom.objects.visible_to(user).order_by("name", "pk")
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
