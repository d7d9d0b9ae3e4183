"""Breaking the glass, and what the database refuses about it.

The statements are in `sql/0007_break_glass.sql`.
"""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("backoffice", "0006_feed"),
    ]

    operations = [
        migrations.CreateModel(
            name="BreakGlass",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("support", "Support"),
                            ("analyst", "Incident analyst"),
                            ("risk", "Risk officer"),
                            ("finance", "Finance officer"),
                            ("legal", "Legal officer"),
                        ],
                        max_length=8,
                    ),
                ),
                ("reason", models.CharField(max_length=300)),
                ("digest", models.CharField(max_length=64)),
                (
                    "method",
                    models.CharField(
                        choices=[("totp", "Authenticator code"), ("passkey", "Passkey")],
                        max_length=7,
                    ),
                ),
                ("evidence", models.JSONField(default=dict)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "officer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="break_glasses",
                        to="backoffice.plan",
                    ),
                ),
            ],
            options={
                "db_table": "break_glass",
            },
        ),
        migrations.CreateModel(
            name="BreakGlassReview",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("support", "Support"),
                            ("analyst", "Incident analyst"),
                            ("risk", "Risk officer"),
                            ("finance", "Finance officer"),
                            ("legal", "Legal officer"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("justified", "It was justified"),
                            ("not_justified", "It was not justified"),
                        ],
                        max_length=13,
                    ),
                ),
                ("finding", models.CharField(max_length=1000)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "break_glass",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="review",
                        to="backoffice.breakglass",
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
                "db_table": "break_glass_review",
            },
        ),
        migrations.CreateModel(
            name="BreakGlassSecond",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("support", "Support"),
                            ("analyst", "Incident analyst"),
                            ("risk", "Risk officer"),
                            ("finance", "Finance officer"),
                            ("legal", "Legal officer"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        choices=[("totp", "Authenticator code"), ("passkey", "Passkey")],
                        max_length=7,
                    ),
                ),
                ("evidence", models.JSONField(default=dict)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "break_glass",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="second",
                        to="backoffice.breakglass",
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
                "db_table": "break_glass_second",
            },
        ),
        migrations.AddConstraint(
            model_name="breakglass",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="break_glass_has_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="breakglassreview",
            constraint=models.CheckConstraint(
                condition=models.Q(("finding", ""), _negated=True),
                name="break_glass_review_has_finding",
            ),
        ),
        migrations.RunSQL(
            (SQL / "0007_break_glass.sql").read_text(encoding="utf-8"),
            (SQL / "0007_break_glass_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
