"""Remedies being computed, and the indexes that long lists of effects and messages are read by."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("backoffice", "0004_records"),
        ("exchange", "0002_ledger"),
    ]

    operations = [
        migrations.CreateModel(
            name="Computation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("cutoff", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("refused", "Refused"),
                        ],
                        default="queued",
                        max_length=7,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("requested_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("message", models.CharField(blank=True, default="", max_length=400)),
            ],
            options={
                "db_table": "computation",
            },
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["campaign", "id"], name="message_in_order"),
        ),
        migrations.AddIndex(
            model_name="planeffect",
            index=models.Index(
                fields=["plan", "asset", "futures_delta", "id"], name="plan_effect_extremes"
            ),
        ),
        migrations.AddField(
            model_name="computation",
            name="incident",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="computations",
                to="backoffice.incident",
            ),
        ),
        migrations.AddField(
            model_name="computation",
            name="plan",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="computation",
                to="backoffice.plan",
            ),
        ),
        migrations.AddField(
            model_name="computation",
            name="requested_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="computation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["queued", "running"])),
                fields=("incident",),
                name="computation_one_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="computation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("plan__isnull", False), ("state", "done")),
                    models.Q(models.Q(("state", "done"), _negated=True), ("plan__isnull", True)),
                    _connector="OR",
                ),
                name="computation_done_has_plan",
            ),
        ),
    ]
