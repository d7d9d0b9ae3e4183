"""What the database refuses about plans, decisions and the posting of batches.

The statements are in `sql/0002_approvals.sql`.
"""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0001_desk"), ("exchange", "0001_books")]

    operations = [
        migrations.RunSQL(
            (SQL / "0002_approvals.sql").read_text(encoding="utf-8"),
            (SQL / "0002_approvals_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
