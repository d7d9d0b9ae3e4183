"""A plan says of itself what it does, and what recusals and gates follow from is not taken back.

The statements are in `sql/0015_told_as_done.sql`; its functions are pinned as all others are.
"""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0014_kept_letters"), ("exchange", "0004_reversals")]

    operations = [
        migrations.RunSQL(
            (SQL / "0015_told_as_done.sql").read_text(encoding="utf-8")
            + (SQL / "0012_pinned_names.sql").read_text(encoding="utf-8"),
            (SQL / "0015_told_as_done_reverse.sql").read_text(encoding="utf-8")
            + (SQL / "0012_pinned_names.sql").read_text(encoding="utf-8"),
        ),
    ]
