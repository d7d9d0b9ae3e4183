"""The addresses of the API, below /api/."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from backoffice.api import feed, margin

urlpatterns = [
    path("v1/margin/quote", margin.quote, name="api-margin-quote"),
    path("v1/adjustments", feed.adjustments, name="api-adjustments"),
    path("v1/adjustments.csv", feed.adjustments_csv, name="api-adjustments-csv"),
    path("v1/me/adjustments", feed.my_adjustments, name="api-my-adjustments"),
    path("v1/schema", SpectacularAPIView.as_view(permission_classes=[]), name="api-schema"),
]
