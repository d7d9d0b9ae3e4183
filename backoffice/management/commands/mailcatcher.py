"""`manage.py mailcatcher`: the SMTP server of the demo, in the foreground."""

import socket
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from backoffice import mailcatcher
from backoffice.management.arguments import port


class Command(BaseCommand):
    help = "Keeps mail under the data folder instead of delivering it (a real SMTP server)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.EMAIL_HOST)
        parser.add_argument("--port", type=port, default=settings.EMAIL_PORT)
        parser.add_argument("--descriptor", type=int, help="a listening socket, handed over open")
        parser.add_argument("--processes", type=int, default=2)

    def handle(self, *args: Any, **options: Any) -> None:
        host, port, handed = options["host"], options["port"], options["descriptor"]
        try:
            listener = socket.socket(fileno=handed) if handed else mailcatcher.listen(host, port)
            host, port = listener.getsockname()
        except OSError as error:
            raise CommandError(
                f"cannot listen on {host}:{port} ({error.strerror}): stop what does, "
                "or set MAKEWHOLE_EMAIL_PORT."
            ) from error
        self.stdout.write(f"mail to {host}:{port} is kept in {settings.MAIL_ROOT}")
        mailcatcher.serve(listener, settings.MAIL_ROOT, processes=max(1, options["processes"]))
