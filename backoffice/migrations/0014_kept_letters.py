"""What left for a customer is kept as it left: the words of the desk change.

The statements are in `sql/0014_kept_letters.sql`.
"""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0013_reinstate")]

    operations = [
        migrations.CreateModel(
            name="KeptLetter",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("attempt", models.PositiveSmallIntegerField()),
                ("subject", models.TextField()),
                ("text", models.TextField()),
                ("handed_at", models.DateTimeField()),
                (
                    "message",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="letters",
                        to="backoffice.message",
                    ),
                ),
            ],
            options={
                "db_table": "kept_letter",
                "constraints": [
                    models.UniqueConstraint(fields=["message", "attempt"], name="kept_letter_once")
                ],
            },
        ),
        migrations.RunSQL(
            (SQL / "0014_kept_letters.sql").read_text(encoding="utf-8"),
            (SQL / "0014_kept_letters_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
