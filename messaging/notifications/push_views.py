"""The notifications of one browser, turned on and off by its script."""

from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import sessions
from accounts.models import User
from chatrooms.models import Chatroom
from integrations import web_push
from messaging.notifications import push


class PushSubscriptionForm(forms.Form):
    endpoint = forms.CharField(max_length=2000)
    p256dh = forms.CharField(max_length=100)
    auth = forms.CharField(max_length=32)
    chatrooms = forms.ModelMultipleChoiceField(Chatroom.objects.none(), required=False)

    def __init__(self, user: User, *args, **options):
        super().__init__(*args, **options)
        self.fields["chatrooms"].queryset = Chatroom.objects.visible_to(user)


@require_POST
def turn_on(request: HttpRequest) -> HttpResponse:
    sign_in_id = _sign_in_id(request)
    form = PushSubscriptionForm(request.user, request.POST)
    if not form.is_valid():
        return _refuse(
            _("The chatrooms have changed, or the browser gave no subscription. Reload the page and try again.")
        )
    data = form.cleaned_data
    browser = web_push.Browser(data["endpoint"], data["p256dh"], data["auth"])
    try:
        push.subscribe_browser(request.user, sign_in_id, browser, data["chatrooms"])
    except web_push.InvalidSubscription as error:
        return _refuse(str(error))
    return HttpResponse(status=204)


@require_POST
def turn_off(request: HttpRequest) -> HttpResponse:
    push.unsubscribe_browser(_sign_in_id(request))
    return HttpResponse(status=204)


def _sign_in_id(request: HttpRequest) -> UUID:
    """Raises PermissionDenied for operators, who have no notifications."""
    sign_in_id = request.session.get(sessions.SIGN_IN)
    if request.user.organization_id is None or not sign_in_id:
        raise PermissionDenied(_("Notifications are for people of an organization."))
    return UUID(str(sign_in_id))


def _refuse(words: str) -> HttpResponse:
    return HttpResponse(words, status=422, content_type="text/plain; charset=utf-8")
