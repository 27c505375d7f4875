"""Examining a sender number: what is wrong, and how to mend it. Twilio is asked, and ourselves from outside."""

from datetime import timedelta

import phonenumbers
from cryptography.fernet import InvalidToken
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations import findings, health, numbers, probes
from integrations.findings import FAIL, INFO, OK, WARN, Finding
from integrations.models import Channel, ProviderAccount
from integrations.refusals import Away, Refusal
from integrations.twilio import listing

# Carriers in the US block what was sent from numbers that nobody registered:
# https://www.twilio.com/docs/api/errors/30034 and https://www.twilio.com/docs/api/errors/30032 for toll-free ones.
UNREGISTERED = ("30034", "30032")
WEEK = timedelta(days=7)


def examine_number(number: Channel) -> list[Finding]:
    """Everything that can be known about the number now, the worst first within each part. Takes some seconds."""
    account = number.account
    state = health.read_health([number])[number.pk]
    return [
        *_examine_at_twilio(number, account),
        findings.describe_circuit(account, state, "Twilio"),
        findings.describe_last_inbound([number]),
        *findings.describe_last_error([number]),
        _describe_registration(number),
        _describe_opt_out(number),
        *findings.describe_alerts(state),
    ]


def read_token(account: ProviderAccount) -> str:
    """The account's token, or nothing where no key of ours decrypts it."""
    try:
        return account.secret
    except (InvalidToken, ValueError):
        return ""


def _examine_at_twilio(number: Channel, account: ProviderAccount) -> list[Finding]:
    title, token = _("Credentials"), read_token(account)
    if not token:
        return [
            Finding(
                title, FAIL, _("The auth token that we keep can't be read."), _("Enter it again below."), action="token"
            )
        ]
    try:
        own_numbers = listing.numbers(account.external_id, token, number.address)
    except Refusal:
        return [
            Finding(
                title,
                FAIL,
                _("Twilio rejects the account SID with our auth token."),
                _("Copy the present auth token from the Twilio console and enter it below."),
                action="token",
            )
        ]
    except Away:
        return [
            Finding(title, WARN, _("Twilio can't be reached right now."), _("Try again in a moment.")),
            findings.describe_probe(probes.probe_twilio(account.external_id, token)),
        ]
    return [
        Finding(title, OK, _("Twilio accepts the account SID and auth token.")),
        *_describe_route(number, numbers.find_owned(own_numbers, number.address)),
        findings.describe_probe(probes.probe_twilio(account.external_id, token)),
    ]


def _describe_route(number: Channel, own_number: listing.OwnNumber | None) -> list[Finding]:
    title = _("Webhook address")
    if own_number is None:
        return [
            Finding(
                _("Ownership"),
                FAIL,
                _("This Twilio account no longer has the number, so nothing arrives and nothing can be sent."),
                _("Connect the account that has it now, or disconnect the number."),
            )
        ]
    if number.messaging_service_sid:
        words = _("The number sends by a Messaging Service. Set the service's inbound address to {url}.")
        return [Finding(title, INFO, words.format(url=listing.webhook_url()))]
    if own_number.webhook == listing.webhook_url():
        return [Finding(title, OK, _("Twilio sends its messages to us."))]
    words = _("Twilio sends its messages to {url}.") if own_number.webhook else _("Twilio sends its messages nowhere.")
    return [
        Finding(
            title,
            FAIL,
            words.format(url=own_number.webhook),
            _("Set the webhook to our address."),
            action="webhook",
        )
    ]


def _describe_registration(number: Channel) -> Finding:
    """What recent messages say: Twilio's answer about a number doesn't carry its registration."""
    title = _("Registration")
    recent = number.chatroom.messages.filter(channel=number, occurred_at__gte=timezone.now() - WEEK)
    refused = recent.filter(error_code__in=UNREGISTERED)
    if message := refused.order_by("-occurred_at", "-pk")[:1].first():
        return Finding(
            title,
            FAIL,
            _("Carriers block messages from this number because it is not registered."),
            _("Register it in the Twilio console: A2P 10DLC for local numbers, verification for toll-free ones."),
            at=message.occurred_at,
        )
    if number.address.startswith("+1") and phonenumbers.is_possible_number(phonenumbers.parse(number.address)):
        return Finding(
            title, INFO, _("Not known. No message was blocked for it this week; the Twilio console shows it.")
        )
    return Finding(title, INFO, _("Not needed outside of the US and Canada, as far as we know."))


def _describe_opt_out(number: Channel) -> Finding:
    # https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
    title = _("Opt-out")
    if number.messaging_service_sid:
        return Finding(
            title, INFO, _("STOP is answered by Twilio's Messaging Service, and noted here for each contact.")
        )
    return Finding(title, INFO, _("STOP is answered by Twilio itself, and noted here for each contact."))
