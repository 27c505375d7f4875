"""The forms of /manage/pages/. What was entered as a token is never drawn back."""

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from integrations.models import Channel, FacebookPage, Platform
from integrations.number_forms import SecretField, chatroom_field, offer_chatrooms
from integrations.serializers import PRINTABLE
from messagehub import names

PAGE_TOKEN = RegexValidator(PRINTABLE, _("Paste the whole token, without spaces."))


class ConnectForm(forms.Form):
    page_access_token = SecretField(
        label=_("Page access token"),
        validators=[PAGE_TOKEN],
        help_text=_("Of a Facebook page, or of Instagram Login. Tried with Meta before it is saved, encrypted."),
    )
    chatroom = chatroom_field()

    def __init__(self, admin: User, *args, **options) -> None:
        super().__init__(*args, **options)
        offer_chatrooms(self, "chatroom", admin)


class PageTokenForm(forms.Form):
    page_access_token = SecretField(
        label=_("New token"), validators=[PAGE_TOKEN], help_text=_("Tried with Meta first. It must be the same page's.")
    )


class PageForm(forms.Form):
    """`instagram_chatroom` is there where the page has an Instagram account."""

    name = forms.CharField(
        label=_("Name"), max_length=80, validators=[names.validate_name], help_text=_("Shown here only.")
    )
    chatroom = chatroom_field(help_text=_("Open conversations move with the page."))
    instagram_chatroom = chatroom_field(label=_("Chatroom of the Instagram account"))
    has_human_agent = forms.BooleanField(
        label=_("Meta approved Human Agent"),
        required=False,
        help_text=_("People may then answer for seven days, and not for one. Only tick it once Meta has approved it."),
    )

    def __init__(self, page: FacebookPage, channels: list[Channel], admin: User, *args, **options) -> None:
        initial = {"name": page.name, "chatroom": channels[0].chatroom_id, "has_human_agent": page.has_human_agent}
        instagram = next((channel for channel in channels if channel.platform == Platform.INSTAGRAM), None)
        if instagram:
            initial["instagram_chatroom"] = instagram.chatroom_id
        super().__init__(*args, **{"initial": initial, **options})
        offer_chatrooms(self, "chatroom", admin, channels[0])
        if instagram and instagram != channels[0]:
            offer_chatrooms(self, "instagram_chatroom", admin, instagram)
        else:
            del self.fields["instagram_chatroom"]

    def read_changes(self) -> dict:
        """What `change_page` is to change. Instagram moves along with its page, unless the form says where it stays."""
        changed = {name: self.cleaned_data[name] for name in self.changed_data}
        if "chatroom" in changed and "instagram_chatroom" in self.fields:
            changed["instagram_chatroom"] = self.cleaned_data["instagram_chatroom"]
        return changed
