"""Who may be written to, and the life of a message.

The statements are in `sql/0003_reachable.sql`.
"""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0002_approvals")]

    operations = [
        migrations.RunSQL(
            (SQL / "0003_reachable.sql").read_text(encoding="utf-8"),
            (SQL / "0003_reachable_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
