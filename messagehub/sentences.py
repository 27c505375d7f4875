"""Sentences that are written into rows, and told to each reader in their language.

A worker or a colleague writes them, in English, which the API answers with. Pages and mails retell them: they look for
the sentence that it was made of. So a row needs no language, and rows of before are told as well.
"""

import re
from calendar import month_name
from datetime import UTC, datetime
from functools import cache

from django.conf import settings
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

from messagehub import languages

# Alerts about accounts, numbers and pages.
REJECTED_ACCOUNT = {
    "numbers": _(
        "{provider} rejected the credentials of {name} ({code}: {answer}). Its messages are queued and will send once "
        "you update its token under Sender numbers."
    ),
    "pages": _(
        "{provider} rejected the credentials of {name} ({code}: {answer}). Its messages are queued and will send once "
        "you update its token under Facebook and Instagram."
    ),
}
BROKEN_WORK = _(
    "{work}: an internal error ({error}) stops something of your organization. It is left out and tried again every "
    "few minutes. Check your settings, numbers and templates, or ask your operator."
)
UNSUBSCRIBED_PAGE = _(
    "Meta doesn't send us the messages of {name}, and its token doesn't allow us to ask for them. Create a token with "
    "the permissions pages_messaging and pages_manage_metadata, and update it under Facebook and Instagram."
)
EXPIRING_TOKEN = _(
    "The token of {name} ends on {day}. From then on nothing can be sent. Create a new one and update it under "
    "Facebook and Instagram."
)
MOVED_PAGE = _(
    "{name} was connected elsewhere with a new token, and Meta no longer accepts yours. Messages to it no longer reach "
    "you, and nothing can be sent from it. Its conversations can still be read. If this is a mistake, check at Meta "
    "who manages it."
)
PAGE_FROM_ELSEWHERE = _(
    "{name} is connected now. It was connected to another organization here, whose token Meta no longer accepts. "
    "Conversations from before are not yours to see."
)
OTHER_INSTAGRAM = _(
    "{name} is linked to another Instagram account now. New messages come in over {account}. The conversations of "
    "{former} can still be read."
)
OTHER_INSTAGRAM_ELSEWHERE = _(
    "{name} is linked to another Instagram account now. {account} is connected elsewhere; connect the page again to "
    "have it here. The conversations of {former} can still be read."
)
STILL_SUBSCRIBED_PAGE = _(
    "{name} is disconnected, but Meta didn't let us end its subscription. What Meta still sends is not shown to "
    "anybody. Remove our app from the page's settings at Meta."
)
PORTED_NUMBER = _(
    "{phone} now belongs to another Twilio account. Messages to it no longer reach you, and nothing can be sent from "
    "it. Its conversations can still be read. If this is a mistake, contact Twilio."
)
NUMBER_FROM_ELSEWHERE = _(
    "{phone} is connected now. It was connected to another organization here, until Twilio listed it in your account "
    "{account}. Conversations from before are not yours to see."
)
GONE_NUMBER = _(
    "Twilio account {account} no longer has {phone}. Messages to it don't reach you. Connect the number with the "
    "account that has it now, or disconnect it under Sender numbers."
)
REFUSED_MESSAGE = _("A message from {sender} was refused ({code}): {answer}")
UNDELIVERED_MESSAGE = _("A message was not delivered ({code}): {answer}")
FILTERED_MESSAGES = _(
    "Carriers filtered {filtered} of this number's {sent} messages of the last hour as spam. Change the text, and send "
    "less of it, before they block the number."
)

# Why a campaign is paused, and why somebody in it is left out.
PAUSED_BY = _("Paused by {name}.")
BROKEN_CAMPAIGN = _("Paused after an internal error. No further messages are being sent. Resume to retry.")
SHORT_OF_TOKENS = _(
    "There are not enough tokens: {needed} are needed, and {name} has {remaining}, enough for {covered} of {waiting}. "
    "Resume to continue with those, or ask an admin for {missing} more."
)
WITHOUT_TOKENS = _(
    "There are not enough tokens: {needed} are needed, and {name} has {remaining}. Ask an admin for {missing} more "
    "before you resume."
)
NO_PHONE = _("This contact has no phone number.")
NO_ADDRESS = _("This contact has never written on this channel, so it can't reach them.")
WINDOW_CLOSED = _("{platform}'s reply window has closed.")
WINDOW_TOO_SHORT = _("{platform}'s reply window closes before the quiet hours end.")
RECENTLY_CONTACTED = _("This contact got a message of yours within the days that the campaign leaves between.")
SAME_NUMBER = _("Another recipient of the campaign has this number, in another form.")
CONTACT_GONE = _("This contact was deleted, or merged with another recipient of the campaign.")
BAD_LENGTH = _("The rendered text is empty or longer than {n} characters.")
BAD_LENGTH_IN_BYTES = _("The rendered text is empty or longer than {n} bytes.")

# Why an automatic answer does not go, and what to do.
LATE_ANSWER = _("This automatic answer could not be sent within an hour.")
ANSWER_YOURSELF = _("Answer the customer yourself, if it is still of use.")

# Entries of the ledger.
NOT_SENT_CODE = _("Not sent: {code}")
NOT_DELIVERED_CODE = _("Not delivered: {code}")
NOT_SENT = _("Not sent")
MARKED_NOT_SENT = _("Marked as not sent")
SCHEDULED_CANCELED = _("Scheduled message canceled")
CAMPAIGN_CANCELED = _("Campaign canceled")
CAMPAIGN_ENDED = _("Campaign ended")
FOR_CAMPAIGN = _("Campaign {name}")
DATA_DELETED = _("The recipient's data was deleted")

# Rows of a file that were not imported, and why staff opted somebody out.
SAME_NUMBER_IN_ROW = _("Row {n} has the same phone number. That one was kept.")
NEITHER_YES_NOR_NO = _("“%(given)s” is neither yes nor no. Write one of them as the consent, or nothing.")
NO_CHANNEL_FOR_CONSENT = _("The chatroom has no number yet for which the consent could be recorded.")
CONSENT_OF_FILE = _("Imported from {file}, row {n}.")
INVALID_NUMBER = _("“%(given)s” isn't a valid phone number. Include the country code, for example +14155550123.")
NO_AREA_CODE = _("“%(given)s” has no area code. Enter the whole number, for example +14155550123.")
JOINED = _("Wrote “{word}”, was asked, and confirmed it.")
ASKED_FOR_NO_MORE = _("The customer's message asks for no more messages.")

STORED_DAY = "%d %B %Y"
PLACE = re.compile(r"%\((\w+)\)s|\{(\w+)\}")


def retell(text: str) -> str:
    """A stored text in the reader's language; as it is where it was not made of a sentence that is known here."""
    if not text or get_language() == settings.LANGUAGE_CODE:
        return text
    told = _retell_sentence(text)
    return _retell_parts(text) if told is None else told


def _retell_sentence(text: str) -> str | None:
    """None where it was not made of one sentence that is known here."""
    told = gettext(text)
    if told != text:
        return told
    for sentence, pattern in _list_patterns():
        if match := pattern.fullmatch(text):
            return PLACE.sub(lambda place: _retell_value(match, place[1] or place[2]), gettext(sentence))
    return None


def _retell_value(match: re.Match[str], name: str) -> str:
    """Names stay as they are; a day and a provider's answer may be words of ours."""
    value = match[name]
    if name == "day":
        try:
            day = datetime.strptime(value, STORED_DAY).replace(tzinfo=UTC)
        except ValueError:  # the 31st of February is a name
            return value
        return languages.format_day(day, "j F Y")
    return _retell_parts(value) if name == "answer" else value


def _retell_parts(text: str) -> str:
    """A reason and what to do about it are two sentences of their own."""
    parts = re.split(r"(?<=[.!?]) (?=[A-Z])", text)
    told = [_retell_sentence(part) for part in parts]
    return text if None in told else " ".join(filter(None, told))


@cache
def _list_patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The sentences with places, the most particular first."""
    values = [value for name, value in globals().items() if name.isupper() and isinstance(value, str | dict)]
    sentences = [sentence for value in values for sentence in (value.values() if isinstance(value, dict) else [value])]
    with_places = sorted((each for each in sentences if PLACE.search(each)), key=len, reverse=True)
    return [(each, re.compile(_write_pattern(each), re.DOTALL)) for each in with_places]


def _write_pattern(sentence: str) -> str:
    pattern, end = "", 0
    for place in PLACE.finditer(sentence):
        name = place[1] or place[2]
        pattern += re.escape(sentence[end : place.start()]) + f"(?P<{name}>{_write_day() if name == 'day' else '.+?'})"
        end = place.end()
    return pattern + re.escape(sentence[end:])


def _write_day() -> str:
    """As STORED_DAY writes it, and nothing else: or a name could swallow the rest of its sentence."""
    return rf"\d\d (?:{'|'.join(month_name[1:])}) \d{{4}}"
