"""The addresses of the API, below /api/."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from backoffice.api import margin

urlpatterns = [
    path("v1/margin/quote", margin.quote, name="api-margin-quote"),
    path("v1/schema", SpectacularAPIView.as_view(permission_classes=[]), name="api-schema"),
]
