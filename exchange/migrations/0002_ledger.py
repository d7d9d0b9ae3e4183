"""The ledger's tables and rules, in SQL beside this file: `sql/0002_ledger.sql` and its reverse."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).with_name("sql")


class Migration(migrations.Migration):
    dependencies = [("exchange", "0001_books")]

    operations = [
        migrations.RunSQL(
            sql=(SQL / "0002_ledger.sql").read_text(encoding="utf-8"),
            reverse_sql=(SQL / "0002_ledger_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
