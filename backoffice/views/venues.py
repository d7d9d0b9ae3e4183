"""Choosing a venue in a form."""

from django import forms

from exchange.models import Venue


class VenueChoice(forms.ModelChoiceField):
    """A venue by name and code: rehearsals of one market share a name."""

    def label_from_instance(self, obj: Venue) -> str:
        return f"{obj.name}: {obj.code}"
