"""The ledger's tables and rules, in SQL beside this file: `sql/0002_ledger.sql` and its reverse.

The row-level foreign keys of the tables written in bulk go first: the SQL checks sets instead.
"""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).with_name("sql")


class Migration(migrations.Migration):
    dependencies = [("exchange", "0001_books")]

    operations = [
        migrations.AlterField(
            model_name="balance",
            name="ledger_account",
            field=models.OneToOneField(
                db_constraint=False,
                on_delete=models.PROTECT,
                primary_key=True,
                related_name="balance",
                serialize=False,
                to="exchange.ledgeraccount",
            ),
        ),
        migrations.AlterField(
            model_name="ledgeraccount",
            name="account",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=models.PROTECT,
                related_name="ledger_accounts",
                to="exchange.account",
            ),
        ),
        migrations.AlterField(
            model_name="ledgeraccount",
            name="asset",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=models.PROTECT,
                related_name="+",
                to="exchange.asset",
            ),
        ),
        migrations.AlterField(
            model_name="ledgeraccount",
            name="contract",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=models.PROTECT,
                related_name="+",
                to="exchange.contract",
            ),
        ),
        migrations.AlterField(
            model_name="ledgeraccount",
            name="venue",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=models.PROTECT,
                related_name="ledger_accounts",
                to="exchange.venue",
            ),
        ),
        migrations.AlterField(
            model_name="position",
            name="account",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=models.PROTECT,
                related_name="positions",
                to="exchange.account",
            ),
        ),
        migrations.AlterField(
            model_name="position",
            name="contract",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=models.PROTECT,
                related_name="positions",
                to="exchange.contract",
            ),
        ),
        migrations.RunSQL(
            sql=(SQL / "0002_ledger.sql").read_text(encoding="utf-8"),
            reverse_sql=(SQL / "0002_ledger_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
