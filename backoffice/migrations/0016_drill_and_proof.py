"""Who came with a drill stays of the drill, and what a reconciliation found stands.

The statements are in `sql/0016_drill_and_proof.sql`; its functions are pinned as all others are.
"""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0015_told_as_done")]

    operations = [
        migrations.RunSQL(
            (SQL / "0016_drill_and_proof.sql").read_text(encoding="utf-8")
            + (SQL / "0012_pinned_names.sql").read_text(encoding="utf-8"),
            (SQL / "0016_drill_and_proof_reverse.sql").read_text(encoding="utf-8")
            + (SQL / "0012_pinned_names.sql").read_text(encoding="utf-8"),
        ),
    ]
