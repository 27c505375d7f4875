"""Labels of templates, personal ones, and which template a message was made from."""

import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

from messagehub.tenancy import same_organization


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_quiet_hours_for_people_and_holidays"),
        ("chatrooms", "0008_quiet_hours_of_a_chatroom"),
        ("integrations", "0009_retired_accounts"),
        ("messaging", "0024_campaign_approval"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="messagetemplate",
            name="templates_name",
        ),
        migrations.AddField(
            model_name="campaign",
            name="template_id",
            field=models.UUIDField(
                blank=True, help_text="The template whose text it has, which may be deleted since.", null=True
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="template_id",
            field=models.UUIDField(
                blank=True, help_text="The template that its text was made from, which may be deleted since.", null=True
            ),
        ),
        migrations.AddField(
            model_name="messagetemplate",
            name="label",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="messaging.label",
            ),
        ),
        migrations.AddField(
            model_name="messagetemplate",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                help_text="Who alone sees and uses it.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("template_id__isnull", False)),
                fields=["template_id", "-occurred_at"],
                include=("organization",),
                name="messages_of_template",
            ),
        ),
        migrations.AddConstraint(
            model_name="messagetemplate",
            constraint=models.UniqueConstraint(
                models.F("organization"),
                models.F("chatroom"),
                models.F("owner"),
                django.db.models.functions.text.Lower("name"),
                name="templates_name",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="messagetemplate",
            constraint=models.CheckConstraint(
                condition=models.Q(("chatroom", None), ("owner", None), _connector="OR"), name="templates_one_scope"
            ),
        ),
        same_organization("templates", "label_id", "labels", "SET NULL (label_id)"),
        same_organization("templates", "owner_id", "users", "CASCADE"),
        # On the way back: a personal one would be everybody's.
        migrations.RunSQL("", "DELETE FROM templates WHERE owner_id IS NOT NULL"),
    ]
