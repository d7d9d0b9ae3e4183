"""The workers' application. `celery -A backoffice worker` starts the servers it needs."""

import os

from celery import Celery
from celery.signals import beat_init, celeryd_init

from backoffice import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")

app = Celery("makewhole")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_init.connect
@beat_init.connect
def start_servers(**_: object) -> None:
    """Before a worker or the clock connects to the broker, there must be one."""
    try:
        embedded.ensure()
    except embedded.EmbeddedError as error:
        raise SystemExit(f"makewhole: {error}") from error
