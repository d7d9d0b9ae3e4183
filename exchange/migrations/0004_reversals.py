"""A batch is reversed at most once by what was not discarded: a reversal given up leaves room."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("exchange", "0003_search")]

    operations = [
        migrations.AlterField(
            model_name="batch",
            name="reverses",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=models.deletion.PROTECT,
                related_name="reversals",
                to="exchange.batch",
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "discarded"), _negated=True),
                fields=("reverses",),
                name="batch_reversed_once",
            ),
        ),
    ]
