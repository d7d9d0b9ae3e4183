"""What the feed first said of each plan: how many records, and their digest."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0009_cascade")]

    operations = [
        migrations.CreateModel(
            name="Publication",
            fields=[
                (
                    "plan",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="publication",
                        serialize=False,
                        to="backoffice.plan",
                    ),
                ),
                ("records", models.BigIntegerField()),
                ("digest", models.CharField(max_length=64)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={"db_table": "publication"},
        ),
        migrations.RunSQL(
            (SQL / "0010_publication.sql").read_text(encoding="utf-8"),
            (SQL / "0010_publication_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
