"""A reinstatement is paid by the house, so finance decides on it.

The statements are in `sql/0013_reinstate.sql`; the function it replaces is pinned again.
"""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0012_ways_around")]

    operations = [
        migrations.RunSQL(
            (SQL / "0013_reinstate.sql").read_text(encoding="utf-8")
            + (SQL / "0012_pinned_names.sql").read_text(encoding="utf-8"),
            (SQL / "0013_reinstate_reverse.sql").read_text(encoding="utf-8")
            + (SQL / "0012_pinned_names.sql").read_text(encoding="utf-8"),
        ),
    ]
