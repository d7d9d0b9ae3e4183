#!/usr/bin/env python
"""The command line of the desk. Starts the embedded servers first, where they are wanted."""

import os
import sys

# Commands that need no server, or that decide themselves about servers.
WITHOUT_SERVERS = {
    "help",
    "version",
    "--help",
    "--version",
    "-h",
    "services",
    "collectstatic",
    "mailcatcher",
    "margin",
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from backoffice import embedded

    try:
        if len(sys.argv) > 1 and sys.argv[1] not in WITHOUT_SERVERS:
            embedded.ensure()
        execute_from_command_line(sys.argv)
    except (embedded.EmbeddedError, ImproperlyConfigured) as error:
        sys.exit(f"makewhole: {error}")


if __name__ == "__main__":
    main()
