"""Sums of legs that stay in bigint, in SQL beside this file."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).with_name("sql")


class Migration(migrations.Migration):
    dependencies = [("exchange", "0004_reversals")]

    operations = [
        migrations.RunSQL(
            sql=(SQL / "0005_sums.sql").read_text(encoding="utf-8"),
            reverse_sql=(SQL / "0005_sums_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
