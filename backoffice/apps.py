"""The desk as a Django app."""

from django.apps import AppConfig


class BackofficeConfig(AppConfig):
    name = "backoffice"
    verbose_name = "Desk"
    default_auto_field = "django.db.models.BigAutoField"
