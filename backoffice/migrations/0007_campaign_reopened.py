"""A message that a person lets go after all reopens its campaign.

The statements are in `sql/0007_campaign_reopened.sql`.
"""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0006_posted_with_plan")]

    operations = [
        migrations.RunSQL(
            (SQL / "0007_campaign_reopened.sql").read_text(encoding="utf-8"),
            (SQL / "0007_campaign_reopened_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
