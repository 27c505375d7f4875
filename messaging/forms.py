from django import forms
from django.utils.translation import gettext_lazy as _

from messaging import sending


class ReplyForm(forms.Form):
    content = forms.CharField(max_length=sending.LONGEST, error_messages={"required": _("Write something first.")})
    client_id = forms.UUIDField()
