"""The addresses of the desk: one list per noun, in the order of the rail.

A page of an incident lives below /incidents/<slug>/ and is named incident-<noun>; a row has an
address of its own, /<nouns>/<id>/.
"""

from django.urls import include, path
from django.views.i18n import set_language

from backoffice.views import (
    accounts,
    find,
    health,
    home,
    incidents,
    margin,
    preferences,
    styleguide,
)

HOUSE = [
    path("", home.start, name="home"),
    path("find/", find.find, name="find"),
    path("help/", home.help_page, name="help"),
    path("preferences/", preferences.choose, name="preferences"),
    path("language/", set_language, name="set_language"),
    path("accounts/", include("allauth.urls")),
    path("healthz", health.live, name="health"),
    path("healthz/ready", health.ready, name="health-ready"),
    path("styleguide/", styleguide.show, name="styleguide"),
    path("styleguide/prices.json", styleguide.prices, name="styleguide-prices"),
]

INCIDENTS = [
    path("incidents/", incidents.index, name="incidents"),
    path("incidents/<slug:slug>/", incidents.show, name="incident"),
]

ACCOUNTS = [
    path("accounts/<int:pk>/", accounts.show, name="account"),
]

OPEN = [
    path("margin/", margin.page, name="margin"),
    path("api/", include("backoffice.api.urls")),
]

urlpatterns = [*HOUSE, *INCIDENTS, *ACCOUNTS, *OPEN]
