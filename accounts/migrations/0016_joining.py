"""Keywords with which customers join, and the question before."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0015_answer_to_help"),
    ]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="join_keywords",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=20),
                blank=True,
                db_default=[],
                default=list,
                help_text="Customers who write one of these are asked whether they want your messages.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="organization",
            name="join_question",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The question to them. Their YES within a day is recorded as consent. Empty: none.",
                max_length=320,
            ),
        ),
        migrations.AddIndex(
            model_name="organization",
            index=models.Index(
                condition=models.Q(("join_question", ""), _negated=True), fields=["id"], name="organizations_asking"
            ),
        ),
    ]
