"""/manage/numbers/<id>/test/: a text from a number to a phone at hand, sent as every other text is."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from uuid_utils.compat import uuid7

from accounts.models import User
from accounts.pages.manage import admins_only
from chatrooms import contacts, phones
from integrations.models import Channel, Platform
from messaging.conversations import changes
from messaging.models import Conversation
from messaging.sending import enqueue
from messaging.sending.eligibility import SendRefused


class PhoneForm(forms.Form):
    """`key` makes a form that is sent twice send one text."""

    phone = forms.CharField(label=gettext_lazy("Your phone"), max_length=64)
    content = forms.CharField(label=gettext_lazy("Text"), max_length=160)
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, country: str, *args, **options) -> None:
        super().__init__(*args, **options)
        self.country = country
        self.fields["phone"].widget.attrs |= {"autocomplete": "tel", "inputmode": "tel"}

    def clean_phone(self) -> str:
        try:
            return phones.normalize_phone(self.cleaned_data["phone"], self.country)
        except phones.ImpossibleNumber as error:
            raise forms.ValidationError(str(error)) from None


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def send_test(request: HttpRequest, pk: UUID) -> HttpResponse:
    number = get_object_or_404(
        Channel.objects.select_related("chatroom").filter(platform=Platform.SMS, chatroom__archived_at=None),
        pk=pk,
        organization_id=request.user.organization_id,
    )
    initial = {"key": uuid7(), "content": _("Test from {name}.").format(name=request.user.organization.name)[:160]}
    form = PhoneForm(request.user.organization.default_country, request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            conversation = _send(number, **form.cleaned_data, by=request.user)
        except SendRefused as error:
            form.add_error("phone", str(error))
        except enqueue.ClientIdTaken as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The test text is on its way. Its delivery status appears in the thread."))
            return redirect("conversation", conversation.pk)
    context = {"own_page": "manage-numbers", "number": number, "form": form}
    return render(request, "integrations/test_number.html", context, status=422 if form.is_bound else 200)


@transaction.atomic
def _send(number: Channel, *, phone: str, content: str, key: UUID, by: User) -> Conversation:
    contact = contacts.find_or_create_contact(number.chatroom, phone)
    conversation = changes.open_conversation(contact, number)
    enqueue.send_message(conversation, content, sent_by=by, client_id=key)
    return conversation
