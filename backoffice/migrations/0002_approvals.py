"""What the database refuses about recusal, quorums, plans, decisions and the posting of batches.

The statements are in `sql/`, in files that are read in this order.
"""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"
PARTS = ("0002_recusal", "0002_comparisons", "0002_quorums", "0002_approvals")


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0001_desk"), ("exchange", "0001_books")]

    operations = [
        migrations.RunSQL(
            (SQL / f"{part}.sql").read_text(encoding="utf-8"),
            (SQL / f"{part}_reverse.sql").read_text(encoding="utf-8"),
        )
        for part in PARTS
    ]
