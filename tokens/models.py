"""Prepaid tokens: a balance per agent, and the ledger that explains it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Organization
from messagehub.keys import Row

MOST_TOKENS = 1_000_000_000  # that one change of a balance may move, at every door


class TokenAccount(Row):
    """An agent's tokens. Changed only by `tokens.ledger`."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="token_account",
        db_constraint=False,
    )
    balance = models.BigIntegerField(default=0, db_default=0)
    reserved = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "user_tokens"
        constraints = [
            models.CheckConstraint(condition=Q(balance__gte=0), name="user_tokens_balance"),
            models.CheckConstraint(condition=Q(reserved__gte=0), name="user_tokens_reserved"),
            models.UniqueConstraint(fields=["organization", "id"], name="user_tokens_organization_id"),
        ]


class TokenEntry(Row):
    """One change of a balance, written once. `amount` is signed; `balance_after` is the running sum.

    A balance that was set with a key and stood there already is an adjustment by nothing: the key is to be remembered.

    What is reserved has left the balance and waits beside it; a release brings it back.
    """

    class Kind(models.TextChoices):
        GRANT = "grant"
        DEBIT = "debit"
        REFUND = "refund"
        ADJUST = "adjust"
        RESERVE = "reserve"
        RELEASE = "release"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    account = models.ForeignKey(
        TokenAccount, models.CASCADE, related_name="entries", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    amount = models.BigIntegerField()
    balance_after = models.BigIntegerField()
    reference = models.CharField(max_length=80, help_text="What the entry pays for, such as message:<id>.")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False)
    reason = models.CharField(max_length=300, blank=True, db_default="")
    idempotency_key = models.CharField(
        max_length=200, null=True, help_text="The client's key of the request; a repeated key makes no second entry."
    )

    class Meta:
        db_table = "token_entries"
        verbose_name_plural = "token entries"
        constraints = [
            models.UniqueConstraint(fields=["account", "idempotency_key"], name="token_entries_idempotency_key"),
            models.UniqueConstraint(fields=["reference", "kind"], name="token_entries_once"),
            models.CheckConstraint(condition=Q(balance_after__gte=0), name="token_entries_balance_after"),
            models.CheckConstraint(
                condition=Q(kind__in=["grant", "refund", "release"], amount__gt=0)
                | Q(kind__in=["debit", "reserve"], amount__lt=0)
                | (Q(kind="adjust") & (~Q(amount=0) | Q(idempotency_key__isnull=False))),
                name="token_entries_sign",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="token_entries_newest"),
            models.Index(fields=["organization", "-id"], name="token_entries_all"),
            # Few beside the debits, which would have to be leafed through to find them.
            models.Index(fields=["organization", "-id"], name="token_entries_others", condition=~Q(kind="debit")),
        ]

    @property
    def amount_size(self) -> int:
        """Without its sign."""
        return abs(self.amount)


class ProofRun(Row):
    """One look at every invariant of every organization: when, how long it took, and what was broken."""

    seconds = models.FloatField()
    holds = models.BooleanField(help_text="Shown to every organization; only operators see the rows.")
    broken = models.JSONField(default=list, help_text="Name and first rows of each violated invariant.")

    class Meta:
        db_table = "proof_runs"
