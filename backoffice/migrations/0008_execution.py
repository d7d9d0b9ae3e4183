"""What must be closed while a plan is executed, and one remedy of an incident at a time.

The statements are in `sql/0008_execution.sql`.
"""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0007_break_glass")]

    operations = [
        migrations.RunSQL(
            (SQL / "0008_execution.sql").read_text(encoding="utf-8"),
            (SQL / "0008_execution_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
