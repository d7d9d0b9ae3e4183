"""`manage.py code chen`: the one-time code of someone of the drill, who has no telephone."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backoffice.services import people
from backoffice.services.refusals import Refused


class Command(BaseCommand):
    help = "Prints the one-time code someone of the drill would read off their telephone now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="a short name of the drill (chen) or an address")

    def handle(self, *args: Any, **options: Any) -> None:
        person = options["person"]
        email = person if "@" in person else people.email_of(person)
        try:
            code = people.demo_code(email)
        except Refused as error:
            raise CommandError(str(error)) from error
        if code is None:
            raise CommandError("every code of this minute is spent: try again in 30 seconds.")
        self.stdout.write(code)
