#!/usr/bin/env python
"""The command line of the desk. Starts the embedded servers first, where they are wanted."""

import os
import sys

# Commands that need no server, or that decide themselves about servers.
WITHOUT_SERVERS = {
    "help",
    "version",
    "--version",
    "services",
    "collectstatic",
    "mailcatcher",
    "margin",
}
# For an auditor who has files and no database.
FOR_AUDITORS = (["legs", "check"], ["approvals", "check"])


def wants_servers(words: list[str]) -> bool:
    """Whether the command, its first two words, may read or write the books."""
    if not {"-h", "--help"}.isdisjoint(sys.argv):
        return False
    if words[0] == "import_tape" and "--dry-run" in sys.argv:
        return False
    return words[0] not in WITHOUT_SERVERS and words not in FOR_AUDITORS


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    from backoffice import embedded

    try:
        words = sys.argv[1:3]
        if words and wants_servers(words):
            embedded.ensure()
        execute_from_command_line(sys.argv)
    except (embedded.EmbeddedError, ImproperlyConfigured) as error:
        sys.exit(f"makewhole: {error}")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None):
            raise  # the server answered: this is another matter
        sys.exit(f"makewhole: the database does not answer: {str(error).strip()}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
