"""Gates that an officer keeps closed for longer, three days at a time.

The statements are in `sql/0011_prolonged_gates.sql`.
"""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("backoffice", "0010_publication")]

    operations = [
        migrations.CreateModel(
            name="GateProlongation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.CharField(max_length=200)),
                ("expires_before", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                (
                    "decided_at",
                    models.DateTimeField(auto_now_add=True, help_text="The database's clock."),
                ),
                (
                    "gate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="prolongations",
                        to="backoffice.gate",
                    ),
                ),
                (
                    "officer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "gate_prolongation",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(expires_at__gt=models.F("expires_before")),
                        name="gate_prolongation_is_longer",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(reason__regex=r"\S"),
                        name="gate_prolongation_has_a_reason",
                    ),
                ],
            },
        ),
        migrations.RemoveConstraint(model_name="event", name="event_of_gate_once"),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.UniqueConstraint(
                fields=["gate"],
                condition=models.Q(kind="gate.lifted"),
                name="event_gate_lifted_once",
            ),
        ),
        migrations.RunSQL(
            (SQL / "0011_prolonged_gates.sql").read_text(encoding="utf-8"),
            (SQL / "0011_prolonged_gates_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
