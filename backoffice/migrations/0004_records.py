"""The audit chain and the other records that are written once.

The statements are in `sql/0004_records.sql`.
"""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0003_reachable")]

    operations = [
        migrations.RunSQL(
            (SQL / "0004_records.sql").read_text(encoding="utf-8"),
            (SQL / "0004_records_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
