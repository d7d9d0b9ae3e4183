"""The cascade of an incident: its nodes, its edges, the estimate."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("backoffice", "0008_execution"),
        ("exchange", "0004_reversals"),
    ]

    operations = [
        migrations.CreateModel(
            name="Cascade",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("requested_at", models.DateTimeField(auto_now_add=True)),
                ("computed_at", models.DateTimeField(null=True)),
                ("refusal", models.CharField(blank=True, default="", max_length=400)),
                ("tape_digest", models.CharField(blank=True, default="", max_length=64)),
                (
                    "rule",
                    models.CharField(
                        blank=True, default="", help_text="Who is flagged.", max_length=200
                    ),
                ),
                ("summary", models.JSONField(default=dict)),
                (
                    "incident",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cascade",
                        to="backoffice.incident",
                    ),
                ),
            ],
            options={
                "db_table": "cascade",
            },
        ),
        migrations.CreateModel(
            name="CascadeEdge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("source", models.IntegerField()),
                ("target", models.IntegerField()),
                ("ticks", models.BigIntegerField()),
                (
                    "cascade",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="edges",
                        to="backoffice.cascade",
                    ),
                ),
            ],
            options={
                "db_table": "cascade_edge",
            },
        ),
        migrations.CreateModel(
            name="CascadeNode",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.IntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("close", "Forced close"),
                            ("flagged", "Flagged account"),
                            ("other", "Other traders"),
                            ("unprinted", "No trade on the tape"),
                            ("start", "Due when the tape begins"),
                            ("own", "Its own trades or transfers"),
                            ("venue", "Not due: the venue's own doing"),
                        ],
                        max_length=9,
                    ),
                ),
                ("recorded_at", models.DateTimeField(null=True)),
                ("crossed_at", models.DateTimeField(null=True)),
                ("quantity", models.BigIntegerField(default=0)),
                ("before_ticks", models.BigIntegerField(default=0)),
                ("at_ticks", models.BigIntegerField(default=0)),
                ("moved_ticks", models.BigIntegerField(default=0)),
                ("sold_first", models.DateTimeField(null=True)),
                ("sold_last", models.DateTimeField(null=True)),
                ("cause", models.IntegerField(null=True)),
                ("generation", models.IntegerField(default=0)),
                ("caused", models.IntegerField(default=0)),
                ("touched", models.IntegerField(default=0)),
                ("below", models.IntegerField(default=0, help_text="Every close below it.")),
                ("share_ppm", models.IntegerField(default=0)),
                ("avoided", models.SmallIntegerField(default=0)),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="exchange.account",
                    ),
                ),
                (
                    "cascade",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="nodes",
                        to="backoffice.cascade",
                    ),
                ),
                (
                    "contract",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="exchange.contract",
                    ),
                ),
                (
                    "moving",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="exchange.contract",
                    ),
                ),
            ],
            options={
                "db_table": "cascade_node",
            },
        ),
        migrations.AddConstraint(
            model_name="cascade",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("computed_at__isnull", True),
                    models.Q(("tape_digest", ""), _negated=True),
                    _connector="OR",
                ),
                name="cascade_names_its_tape",
            ),
        ),
        migrations.AddIndex(
            model_name="cascadeedge",
            index=models.Index(fields=["cascade", "source", "target"], name="cascade_edge_source"),
        ),
        migrations.AddConstraint(
            model_name="cascadeedge",
            constraint=models.UniqueConstraint(
                fields=("cascade", "target", "source"), name="cascade_edge_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="cascadeedge",
            constraint=models.CheckConstraint(
                condition=models.Q(("ticks__gte", 0)), name="cascade_edge_weight"
            ),
        ),
        migrations.AddIndex(
            model_name="cascadenode",
            index=models.Index(fields=["cascade", "-below", "number"], name="cascade_node_largest"),
        ),
        migrations.AddIndex(
            model_name="cascadenode",
            index=models.Index(fields=["cascade", "cause", "number"], name="cascade_node_cause"),
        ),
        migrations.AddConstraint(
            model_name="cascadenode",
            constraint=models.UniqueConstraint(
                fields=("cascade", "number"), name="cascade_node_once"
            ),
        ),
    ]
