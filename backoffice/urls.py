"""The addresses of the desk: one list per noun, in the order of the rail.

A page of an incident lives below /incidents/<slug>/ and is named incident-<noun>; a row has an
address of its own, /<nouns>/<id>/.
"""

from django.urls import include, path
from django.views.i18n import set_language

from backoffice.views import (
    account_downloads,
    accounts,
    find,
    gates,
    health,
    home,
    incident_chart,
    incidents,
    liquidations,
    margin,
    metrics,
    preferences,
    styleguide,
    timeline,
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
    path("metrics", metrics.show, name="metrics"),
    path("styleguide/", styleguide.show, name="styleguide"),
    path("styleguide/prices.json", styleguide.prices, name="styleguide-prices"),
]

INCIDENTS = [
    path("incidents/", incidents.index, name="incidents"),
    path("incidents/<slug:slug>/", incidents.show, name="incident"),
    path("incidents/<slug:slug>/chart.json", incident_chart.chart, name="incident-chart"),
    path("incidents/<slug:slug>/status/", incidents.advance, name="incident-status"),
    path("incidents/<slug:slug>/timeline/", timeline.index, name="incident-timeline"),
    path("incidents/<slug:slug>/timeline/add/", timeline.add, name="timeline-add"),
    path("incidents/<slug:slug>/gates/", gates.index, name="incident-gates"),
    path("incidents/<slug:slug>/gates/close/", gates.close, name="gate-close"),
    path("gates/<int:pk>/lift/", gates.lift, name="gate-lift"),
]

LIQUIDATIONS = [
    path("incidents/<slug:slug>/liquidations/", liquidations.index, name="incident-liquidations"),
    path("incidents/<slug:slug>/liquidations.csv", liquidations.download, name="liquidations-csv"),
    path("liquidations/<int:pk>/", liquidations.show, name="liquidation"),
]

ACCOUNTS = [
    path("incidents/<slug:slug>/accounts/", accounts.index, name="incident-accounts"),
    path("accounts/<int:pk>/", accounts.show, name="account"),
    path("accounts/<int:pk>/fills/", accounts.trades, name="account-fills"),
    path("accounts/<int:pk>/fills.csv", account_downloads.trades, name="account-fills-csv"),
    path("accounts/<int:pk>/ledger.csv", account_downloads.entries, name="account-ledger-csv"),
    path("accounts/<int:pk>/contact/", accounts.contact, name="account-contact"),
]

OPEN = [
    path("margin/", margin.page, name="margin"),
    path("api/", include("backoffice.api.urls")),
]

urlpatterns = [*HOUSE, *INCIDENTS, *LIQUIDATIONS, *ACCOUNTS, *OPEN]
