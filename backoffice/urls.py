"""The addresses of the desk: one list per noun, in the order of the rail.

A page of an incident lives below /incidents/<slug>/ and is named incident-<noun>; a row has an
address of its own, /<nouns>/<id>/.
"""

from django.urls import include, path
from django.views.i18n import set_language

from backoffice.views import (
    account_downloads,
    accounts,
    audit,
    break_glass,
    campaign_messages,
    campaigns,
    care,
    cascades,
    comparisons,
    decisions,
    executions,
    feed,
    find,
    gates,
    health,
    home,
    incident_chart,
    incidents,
    liquidations,
    margin,
    metrics,
    notices,
    passkeys,
    plan_tables,
    plans,
    portal,
    preferences,
    programmes,
    promises,
    proving,
    public,
    scenarios,
    styleguide,
    ties,
    timeline,
    undo,
    webhooks,
)

HOUSE = [
    path("", home.start, name="home"),
    path("find/", find.find, name="find"),
    path("help/", home.help_page, name="help"),
    path("preferences/", preferences.choose, name="preferences"),
    path("language/", set_language, name="set_language"),
    path("ties/", ties.index, name="ties"),
    path("passkeys/", passkeys.index, name="passkeys"),
    path("passkeys/offer/", passkeys.offer, name="passkey-offer"),
    path("passkeys/device/", passkeys.device, name="passkey-device"),
    path("passkeys/register/", passkeys.register, name="passkey-register"),
    path("passkeys/<int:pk>/remove/", passkeys.remove, name="passkey-remove"),
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
    path("gates/<int:pk>/prolong/", gates.prolong, name="gate-prolong"),
]

LIQUIDATIONS = [
    path("incidents/<slug:slug>/liquidations/", liquidations.index, name="incident-liquidations"),
    path("incidents/<slug:slug>/liquidations.csv", liquidations.download, name="liquidations-csv"),
    path("liquidations/<int:pk>/", liquidations.show, name="liquidation"),
]

CASCADE = [
    path("incidents/<slug:slug>/cascade/", cascades.index, name="incident-cascade"),
    path("incidents/<slug:slug>/cascade/trace/", cascades.compute, name="cascade-compute"),
    path("incidents/<slug:slug>/cascade/<int:number>/", cascades.show, name="cascade-node"),
    path("incidents/<slug:slug>/cascade.csv", cascades.edges, name="cascade-csv"),
    path("incidents/<slug:slug>/cascade-closes.csv", cascades.closes, name="cascade-closes-csv"),
]

ACCOUNTS = [
    path("incidents/<slug:slug>/accounts/", accounts.index, name="incident-accounts"),
    path("accounts/<int:pk>/", accounts.show, name="account"),
    path("accounts/<int:pk>/fills/", accounts.trades, name="account-fills"),
    path("accounts/<int:pk>/fills.csv", account_downloads.trades, name="account-fills-csv"),
    path("accounts/<int:pk>/ledger.csv", account_downloads.entries, name="account-ledger-csv"),
    path("accounts/<int:pk>/contact/", accounts.contact, name="account-contact"),
]

NOTICES = [
    path("incidents/<slug:slug>/notices/", notices.index, name="incident-notices"),
    path("incidents/<slug:slug>/notices/write/", notices.write, name="notice-write"),
    path(
        "incidents/<slug:slug>/notices/<slug:notice>/write/", notices.write, name="notice-rewrite"
    ),
    path(
        "incidents/<slug:slug>/notices/<slug:notice>/<int:number>/",
        notices.version,
        name="desk-notice-version",
    ),
    path("incidents/<slug:slug>/promises/add/", promises.add, name="promise-add"),
    path("promises/<int:pk>/keep/", promises.keep, name="promise-keep"),
]

CAMPAIGNS = [
    path("incidents/<slug:slug>/messages/", campaigns.index, name="incident-messages"),
    path("incidents/<slug:slug>/messages/prepare/", campaigns.prepare, name="campaign-prepare"),
    path("campaigns/<int:pk>/", campaigns.show, name="campaign"),
    path("campaigns/<int:pk>/approve/", campaigns.approve, name="campaign-approve"),
    path("campaigns/<int:pk>/start/", campaigns.start, name="campaign-start"),
    path("campaigns/<int:pk>/pause/", campaigns.pause, name="campaign-pause"),
    path("campaigns/<int:pk>/messages/", campaign_messages.index, name="campaign-messages"),
    path("messages/<int:pk>/", campaign_messages.show, name="message"),
    path("messages/<int:pk>/requeue/", campaign_messages.requeue, name="message-requeue"),
]

GOODWILL = [
    path("incidents/<slug:slug>/goodwill/", programmes.index, name="incident-goodwill"),
    path("incidents/<slug:slug>/goodwill/make/", programmes.make, name="programme-make"),
    path("goodwill/<int:pk>/", programmes.show, name="programme"),
    path("goodwill/<int:pk>/plan/", programmes.compute, name="programme-compute"),
]

CARE = [
    path("care/", care.index, name="care"),
    path("care/place/", care.place, name="care-place"),
    path("care/<int:pk>/release/", care.release, name="care-release"),
]

AUDIT = [
    path("audit/", audit.index, name="audit"),
    path("audit/check/", audit.check, name="audit-check"),
]

FEED = [
    path("feed/", feed.index, name="feed"),
    path("feed/<int:pk>/", feed.show, name="feed-records"),
    path("feed/tokens/make/", feed.make_token, name="token-make"),
    path("feed/tokens/<int:pk>/revoke/", feed.revoke_token, name="token-revoke"),
    path("webhooks/", webhooks.index, name="webhooks"),
    path("webhooks/make/", webhooks.make, name="webhook-make"),
    path("webhooks/<int:pk>/", webhooks.show, name="webhook"),
    path("webhooks/<int:pk>/secret/", webhooks.change_secret, name="webhook-secret"),
    path("webhooks/<int:pk>/retire/", webhooks.retire, name="webhook-retire"),
    path("deliveries/<int:pk>/send/", webhooks.send_again, name="delivery-send"),
]

REMEDIES = [
    path("incidents/<slug:slug>/remedies/", comparisons.index, name="incident-remedies"),
    path("incidents/<slug:slug>/remedies/new/", comparisons.new, name="comparison-new"),
    path("incidents/<slug:slug>/remedies/compute/", comparisons.compute, name="comparison-compute"),
    path("comparisons/<int:pk>/", comparisons.show, name="comparison"),
    path("comparisons/<int:pk>/progress/", comparisons.progress, name="comparison-progress"),
    path("comparisons/<int:pk>/committee.pdf", scenarios.paper, name="comparison-paper"),
    path(
        "comparisons/<int:pk>/accounts/<int:account>/",
        scenarios.account,
        name="comparison-account",
    ),
    path("scenarios/<int:pk>/plan/", scenarios.plan, name="scenario-plan"),
]

PLANS = [
    path("approvals/", decisions.index, name="approvals"),
    path("incidents/<slug:slug>/plans/", plans.index, name="incident-plans"),
    path("computations/<int:pk>/", plans.computation, name="computation"),
    path("plans/<int:pk>/", plans.show, name="plan"),
    path("plans/<int:pk>/effects/", plan_tables.effects, name="plan-effects"),
    path("plans/<int:pk>/legs/", plan_tables.legs, name="plan-legs"),
    path("plans/<int:pk>/positions/", plan_tables.positions, name="plan-positions"),
    path("plans/<int:pk>/propose/", plans.propose, name="plan-propose"),
    path("plans/<int:pk>/withdraw/", plans.withdraw, name="plan-withdraw"),
    path("plans/<int:pk>/dry-run/", plans.dry_run, name="plan-dry-run"),
    path("plans/<int:pk>/undo/", undo.compute, name="plan-undo"),
    path("plans/<int:pk>/decide/", decisions.decide, name="plan-decide"),
    path("plans/<int:pk>/challenge/", proving.ask, name="plan-challenge"),
    path("plans/<int:pk>/break-glass/", break_glass.show, name="plan-break-glass"),
    path("plans/<int:pk>/execution/", executions.show, name="plan-execution"),
    path("plans/<int:pk>/execute/", executions.request_execution, name="plan-execute"),
]

NOTICES_PUBLIC = [
    path("notices/", public.index, name="public"),
    path("notices/feed.atom", public.feed, name="notices-feed"),
    path("notices/<slug:slug>/", public.show, name="notice"),
    path("notices/<slug:slug>.json", public.document, name="notice-json"),
    path("notices/<slug:slug>/<slug:notice>/<int:number>/", public.version, name="notice-version"),
]

PORTAL = [
    path("me/", portal.statement, name="portal"),
    path("me/statement.csv", portal.download, name="portal-csv"),
    path("me/adjustments.csv", feed.own, name="portal-adjustments"),
    path("me/closes/<int:pk>/", portal.close, name="portal-close"),
    path("me/messages/<int:pk>/", portal.letter, name="portal-letter"),
]

OPEN = [
    path("margin/", margin.page, name="margin"),
    path("api/", include("backoffice.api.urls")),
]

urlpatterns = [
    *HOUSE,
    *INCIDENTS,
    *LIQUIDATIONS,
    *CASCADE,
    *ACCOUNTS,
    *REMEDIES,
    *PLANS,
    *GOODWILL,
    *NOTICES,
    *CAMPAIGNS,
    *CARE,
    *AUDIT,
    *FEED,
    *NOTICES_PUBLIC,
    *PORTAL,
    *OPEN,
]
