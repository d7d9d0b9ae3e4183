"""A database that is there before a command writes to it."""

from django.core.management import call_command
from django.db import connection


def ready() -> None:
    """Make the tables of a new, empty database; one that has tables is left as it is."""
    if not connection.introspection.table_names():
        call_command("migrate", interactive=False, verbosity=0)
