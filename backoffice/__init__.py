"""The desk: what people decide. The Django project, its screens, its API and its commands."""

from backoffice.celery import app as celery_app

__all__ = ["celery_app"]
