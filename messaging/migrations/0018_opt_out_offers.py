"""Sentences that are offered as opt-outs, and consent that people record with a reason."""

import django.db.models.deletion
import django.db.models.functions.datetime
import messagehub.keys
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

from messagehub.tenancy import row_security, same_organization


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_more_keyword_languages"),
        ("integrations", "0009_retired_accounts"),
        ("messaging", "0017_waiting_conversations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="OptOutOffer",
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
                ("address", models.CharField(help_text="The customer's.", max_length=64)),
                (
                    "due_at",
                    models.DateTimeField(help_text="Ten business days after the message, by the organization's clock."),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("accepted", "Accepted"), ("dismissed", "Dismissed")],
                        db_default="open",
                        default="open",
                        max_length=9,
                    ),
                ),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, db_default="", max_length=300)),
            ],
            options={
                "db_table": "opt_out_offers",
            },
        ),
        migrations.AddField(
            model_name="consententry",
            name="actor",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="consententry",
            name="asked_by",
            field=models.CharField(
                blank=True, db_default="", help_text="Who asked that person for it.", max_length=120
            ),
        ),
        migrations.AddField(
            model_name="consententry",
            name="reason",
            field=models.CharField(blank=True, db_default="", help_text="Why a person recorded it.", max_length=300),
        ),
        migrations.AlterField(
            model_name="consententry",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.organization",
            ),
        ),
        migrations.AlterField(
            model_name="consententry",
            name="source",
            field=models.CharField(
                choices=[
                    ("keyword", "The recipient wrote a keyword"),
                    ("provider", "The provider refused: the recipient has opted out"),
                    ("staff", "A person of the organization recorded it"),
                    ("import", "It came with imported contacts"),
                    ("form", "The recipient filled in a form elsewhere"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="consententry",
            name="text",
            field=models.TextField(
                blank=True, db_default="", help_text="The exact words that were written or answered."
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="type",
            field=models.CharField(
                choices=[
                    ("message.created", "Message Created"),
                    ("message.updated", "Message Updated"),
                    ("conversation.updated", "Conversation Updated"),
                    ("opt_out_offer.updated", "Opt Out Offer Updated"),
                ],
                max_length=24,
            ),
        ),
        migrations.AddIndex(
            model_name="consententry",
            index=models.Index(
                fields=["organization", "address", "-created_at", "-id"], name="consent_entries_of_address"
            ),
        ),
        migrations.AddConstraint(
            model_name="consententry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("source__in", ["staff", "import", "form"]), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="consent_entries_reason",
            ),
        ),
        migrations.AddField(
            model_name="optoutoffer",
            name="channel",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="integrations.channel",
            ),
        ),
        migrations.AddField(
            model_name="optoutoffer",
            name="closed_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="Empty where the customer opted out by themselves.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="optoutoffer",
            name="message",
            field=models.OneToOneField(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="opt_out_offer",
                to="messaging.message",
            ),
        ),
        migrations.AddField(
            model_name="optoutoffer",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.organization",
            ),
        ),
        migrations.AddIndex(
            model_name="optoutoffer",
            index=models.Index(
                condition=models.Q(("state", "open")),
                fields=["organization", "-created_at", "-id"],
                include=("due_at", "message"),
                name="opt_out_offers_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="optoutoffer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")), fields=("channel", "address"), name="opt_out_offers_open_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="optoutoffer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at", None), ("state", "open")),
                    models.Q(models.Q(("state", "open"), _negated=True), ("closed_at__isnull", False)),
                    _connector="OR",
                ),
                name="opt_out_offers_closed",
            ),
        ),
        migrations.AddConstraint(
            model_name="optoutoffer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "dismissed"), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="opt_out_offers_dismissed_with_reason",
            ),
        ),
        row_security("opt_out_offers"),
        same_organization("opt_out_offers", "message_id", "messages"),
        same_organization("opt_out_offers", "channel_id", "channels"),
    ]
