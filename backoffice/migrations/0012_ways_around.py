"""No table of a session's own stands in for one of the desk's, and an undo is not undone.

The statements are in `sql/0012_undo.sql` and `sql/0012_pinned_names.sql`.
"""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0011_prolonged_gates"), ("exchange", "0004_reversals")]

    operations = [
        migrations.RunSQL(
            (SQL / f"{name}.sql").read_text(encoding="utf-8"),
            (SQL / f"{name}_reverse.sql").read_text(encoding="utf-8"),
        )
        for name in ("0012_undo", "0012_pinned_names")
    ]
