"""German, Italian and Portuguese words for STOP, START and HELP."""

import accounts.models
import django.contrib.postgres.fields
from django.db import migrations, models

# Who had left out no language has none left out now either.
ALL_KNOWN = """
UPDATE organizations SET keyword_languages = '{de,en,es,fr,it,pt}' WHERE keyword_languages @> '{en,es,fr}'
"""
FORMERLY_KNOWN = """
UPDATE organizations SET keyword_languages = ARRAY(
    SELECT code FROM unnest(keyword_languages) WITH ORDINALITY AS l (code, place)
    WHERE code IN ('en', 'es', 'fr') ORDER BY place)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_keyword_languages"),
    ]

    operations = [
        migrations.AlterField(
            model_name="organization",
            name="keyword_languages",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("de", "German"),
                        ("en", "English"),
                        ("es", "Spanish"),
                        ("fr", "French"),
                        ("it", "Italian"),
                        ("pt", "Portuguese"),
                    ],
                    max_length=2,
                ),
                blank=True,
                db_default=["de", "en", "es", "fr", "it", "pt"],
                default=accounts.models.list_keyword_languages,
                help_text="Languages of STOP, START, HELP and of sentences that mean STOP. English always counts.",
                size=None,
            ),
        ),
        migrations.RunSQL(ALL_KNOWN, FORMERLY_KNOWN),
    ]
