"""How the desk finds an account among a hundred thousand: three indexes, in SQL beside this file."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).with_name("sql")


class Migration(migrations.Migration):
    dependencies = [("exchange", "0002_ledger")]

    operations = [
        migrations.RunSQL(
            sql=(SQL / "0003_search.sql").read_text(encoding="utf-8"),
            reverse_sql=(SQL / "0003_search_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
