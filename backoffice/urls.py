"""The addresses of the desk."""

from django.urls import include, path

from backoffice.views import health

urlpatterns = [
    path("healthz", health.live, name="health"),
    path("healthz/ready", health.ready, name="health-ready"),
    path("accounts/", include("allauth.urls")),
]
