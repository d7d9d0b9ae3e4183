"""Passkeys that sign decisions, their challenges, and what the database refuses about them.

The statements are in `sql/0005_passkeys.sql`.
"""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("backoffice", "0004_records"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApprovalChallenge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("seal", models.CharField(max_length=64)),
                (
                    "decision",
                    models.CharField(help_text="approve, reject, open or second.", max_length=7),
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
                    "nonce",
                    models.CharField(help_text="32 random bytes.", max_length=43, unique=True),
                ),
                ("expires_at", models.DateTimeField(help_text="A whole second.")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "person",
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
                        related_name="+",
                        to="backoffice.plan",
                    ),
                ),
            ],
            options={
                "db_table": "approval_challenge",
            },
        ),
        migrations.CreateModel(
            name="Passkey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                ("credential_id", models.CharField(max_length=1364, unique=True)),
                ("public_key", models.TextField(help_text="COSE key (RFC 9052).")),
                ("sign_count", models.BigIntegerField()),
                ("transports", models.JSONField(default=list)),
                (
                    "code_step",
                    models.BigIntegerField(help_text="The one-time code it was registered with."),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                ("removed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="passkeys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "passkey",
            },
        ),
        migrations.CreateModel(
            name="SpentChallenge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("spent_at", models.DateTimeField(auto_now_add=True)),
                (
                    "challenge",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="spent",
                        to="backoffice.approvalchallenge",
                    ),
                ),
                (
                    "passkey",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="backoffice.passkey",
                    ),
                ),
            ],
            options={
                "db_table": "spent_challenge",
            },
        ),
        migrations.AddConstraint(
            model_name="passkey",
            constraint=models.UniqueConstraint(
                fields=("person", "code_step"), name="passkey_code_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="passkey",
            constraint=models.CheckConstraint(
                condition=models.Q(("sign_count__gte", 0)), name="passkey_sign_count_counts"
            ),
        ),
        migrations.RunSQL(
            (SQL / "0005_passkeys.sql").read_text(encoding="utf-8"),
            (SQL / "0005_passkeys_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
