"""Balances, and a ledger that is written once. Every organization may know whether everything adds up; which rows do
not is for operators.
"""

import django.db.models.deletion
import django.db.models.functions.datetime
import messagehub.keys
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

from messagehub.tenancy import APPLICATION_ROLE, append_only, row_security, same_organization


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ProofRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=messagehub.keys.UUIDv7(),
                        default=uuid_utils.compat.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("seconds", models.FloatField()),
                (
                    "holds",
                    models.BooleanField(help_text="Shown to every organization; only operators see the rows."),
                ),
                (
                    "broken",
                    models.JSONField(default=list, help_text="Name and first rows of each violated invariant."),
                ),
            ],
            options={
                "db_table": "proof_runs",
            },
        ),
        migrations.CreateModel(
            name="TokenAccount",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=messagehub.keys.UUIDv7(),
                        default=uuid_utils.compat.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("balance", models.BigIntegerField(db_default=0, default=0)),
                ("reserved", models.BigIntegerField(db_default=0, default=0)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="token_account",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "user_tokens",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("balance__gte", 0)), name="user_tokens_balance"),
                    models.CheckConstraint(condition=models.Q(("reserved__gte", 0)), name="user_tokens_reserved"),
                ],
            },
        ),
        migrations.CreateModel(
            name="TokenEntry",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=messagehub.keys.UUIDv7(),
                        default=uuid_utils.compat.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("grant", "Grant"),
                            ("debit", "Debit"),
                            ("refund", "Refund"),
                            ("adjust", "Adjust"),
                            ("reserve", "Reserve"),
                            ("release", "Release"),
                        ],
                        max_length=8,
                    ),
                ),
                ("amount", models.BigIntegerField()),
                ("balance_after", models.BigIntegerField()),
                (
                    "reference",
                    models.CharField(help_text="What the entry pays for, such as message:<id>.", max_length=80),
                ),
                ("reason", models.CharField(blank=True, db_default="", max_length=300)),
                (
                    "idempotency_key",
                    models.CharField(
                        help_text="The client's key of the request; a repeated key makes no second entry.",
                        max_length=200,
                        null=True,
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="entries",
                        to="tokens.tokenaccount",
                    ),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "token entries",
                "db_table": "token_entries",
                "indexes": [
                    models.Index(fields=["account", "-id"], name="token_entries_newest"),
                    models.Index(fields=["organization", "-id"], name="token_entries_all"),
                    models.Index(
                        condition=models.Q(("kind", "debit"), _negated=True),
                        fields=["organization", "-id"],
                        name="token_entries_others",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "idempotency_key"), name="token_entries_idempotency_key"
                    ),
                    models.UniqueConstraint(fields=("reference", "kind"), name="token_entries_once"),
                    models.CheckConstraint(
                        condition=models.Q(("balance_after__gte", 0)), name="token_entries_balance_after"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("amount__gt", 0), ("kind__in", ["grant", "refund", "release"])),
                            models.Q(("amount__lt", 0), ("kind__in", ["debit", "reserve"])),
                            models.Q(
                                ("kind", "adjust"),
                                models.Q(
                                    models.Q(("amount", 0), _negated=True),
                                    ("idempotency_key__isnull", False),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="token_entries_sign",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="tokenaccount",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="user_tokens_organization_id"),
        ),
        row_security("user_tokens"),
        same_organization("user_tokens", "user_id", "users"),
        row_security("token_entries"),
        same_organization("token_entries", "account_id", "user_tokens"),
        append_only("token_entries"),
        migrations.RunSQL(
            f"""
            REVOKE ALL ON proof_runs FROM {APPLICATION_ROLE};
            GRANT SELECT (id, created_at, seconds, holds) ON proof_runs TO {APPLICATION_ROLE};
            """,
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON proof_runs TO {APPLICATION_ROLE}",
        ),
    ]
