"""What is posted has its approved plan by the time it is committed.

The statements are in `sql/0006_posted_with_plan.sql`.
"""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0005_computations")]

    operations = [
        migrations.RunSQL(
            (SQL / "0006_posted_with_plan.sql").read_text(encoding="utf-8"),
            (SQL / "0006_posted_with_plan_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
