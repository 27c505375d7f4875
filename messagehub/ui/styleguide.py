"""/styleguide/: every component in every state, for those who build pages. Only while DEBUG is on."""

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from messagehub.ui.charts import Chart, Series

DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
COLORS = (
    "canvas", "surface", "surface-2", "surface-3", "line-strong", "text", "text-2", "text-3", "accent",
    "accent-soft-2", "danger", "warn", "ok", "note-bg", "ch-sms", "ch-messenger", "ch-instagram",
)  # fmt: skip


class Sample(forms.Form):
    """A form with one of each, so that the renderer is seen as pages use it."""

    name = forms.CharField(label="Sender name", help_text="Shown to colleagues only.")
    mobile = forms.CharField(label="Mobile", help_text="With its country code.")
    room = forms.ChoiceField(label="Chatroom", choices=[("sales", "Sales, London"), ("after", "Aftercare")])
    text = forms.CharField(label="Away text", widget=forms.Textarea)
    locked = forms.CharField(label="Account", disabled=True, initial="AC7f3a…21")
    channels = forms.MultipleChoiceField(
        label="Channels", widget=forms.CheckboxSelectMultiple, choices=[("sms", "SMS"), ("ig", "Instagram")]
    )
    speed = forms.ChoiceField(label="Speed", widget=forms.RadioSelect, choices=[("1", "Slow"), ("9", "Fast")])
    sound = forms.BooleanField(label="Play a sound", help_text="When something new arrives.")

    def clean_mobile(self) -> str:
        raise forms.ValidationError("Too short for a UK mobile number.")


@login_not_required
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    if not settings.DEBUG:
        raise Http404
    sample = {"name": "Sales line", "mobile": "07700 9001", "room": "sales", "text": "We are back at nine.",
              "channels": ["sms"], "speed": "9", "sound": "on"}  # fmt: skip
    messages = Chart(
        "Messages by day",
        DAYS,
        [
            Series("In", "petrol", [212, 318, 274, 402, 365, 120, 88]),
            Series("Out", "ochre", [180, 240, 260, 310, 330, 90, 40]),
        ],
    )
    context = {
        "colors": COLORS,
        "form": Sample(sample),
        "lines": messages,
        "bars": Chart(messages.title, DAYS, messages.series, stacked=True),
        "spark": [3, 5, 4, 8, 7, 9, 12],
        "parts": [
            ("Delivered", "green", 812),
            ("Waiting", "ochre", 120),
            ("Failed", "danger", 34),
            ("Left", "rest", 9),
        ],
        "hours": [f"{hour}" for hour in range(8, 20)],
        "heat": [(day, [(hour * (place + 3)) % 11 for hour in range(12)]) for place, day in enumerate(DAYS)],
        "sizes": (18, 20, 24, 28, 32, 36, 48, 64),
        "people": ["Amelia Hart", "Jonas Weber", "Sofia Marchetti", "Kwame Boateng", "Leila Haddad", "Chloé Dubois"],
        "long_name": "Maximiliane Constantinopolitanische-Wolfeschlegelsteinhausenbergerdorff",
    }
    return render(request, "ui/styleguide.html", context)
