"""The larger parts: forms that keep their errors, tables that can be reached, bars that add up."""

from typing import Any

from django import forms
from django.template import Context, Template
from django.test import RequestFactory

from backoffice.templatetags import charts, panels


class _Form(forms.Form):
    amount = forms.DecimalField(label="Amount", help_text="In BTC.")
    public = forms.BooleanField(label="Public", required=False)


def _render(source: str, **context: Any) -> str:
    return Template("{% load desk panels %}" + source).render(Context(context))


def test_a_field_is_tied_to_its_help_and_its_error() -> None:
    html = panels.field(_Form({"amount": "x"})["amount"])
    assert 'aria-describedby="id_amount_helptext id_amount_error"' in html
    assert 'id="id_amount_helptext"' in html
    assert 'id="id_amount_error"' in html
    assert 'aria-invalid="true"' in html


def test_a_checkbox_stands_before_its_label() -> None:
    html = panels.field(_Form()["public"])
    assert html.index("<input") < html.index("<label")


def test_the_error_summary_links_to_the_field() -> None:
    assert '<a href="#id_amount">Amount: Enter a number.</a>' in panels.error_summary(
        _Form({"amount": "x"})
    )


def test_no_summary_without_errors() -> None:
    assert panels.error_summary(_Form({"amount": "1"})) == ""


def test_a_sheet_is_a_named_region_the_keyboard_reaches() -> None:
    html = _render('{% sheet caption=name id="legs" %}<tbody></tbody>{% endsheet %}', name="<1>")
    assert 'role="region" tabindex="0" aria-labelledby="legs-name"' in html
    assert "&lt;1&gt;</caption>" in html


def test_confirm_asks_for_the_phrase_and_carries_the_token() -> None:
    request = RequestFactory().get("/")
    html = _render(
        '{% confirm action="/go" phrase="1.50 BTC" submit="Pay" error="Not the amount." %}'
        "<p>Pays.</p>{% endconfirm %}",
        request=request,
    )
    assert 'name="csrfmiddlewaretoken"' in html
    assert 'data-confirm="1.50 BTC"' in html
    assert 'aria-invalid="true" aria-describedby="typed_error"' in html


def test_sorting_turns_round_and_forgets_the_page() -> None:
    request = RequestFactory().get("/", {"sort": "lost", "after": "k", "q": "a"})
    html = _render('{% sort_th "Lost" "lost" numeric=True %}', request=request)
    assert 'aria-sort="ascending"' in html
    assert 'href="?sort=-lost&amp;q=a"' in html


def test_a_tab_is_current_at_and_below_its_address() -> None:
    request = RequestFactory().get("/incidents/a/plans/4")
    source = '{% tab "/incidents/a" "Overview" exact=True %}{% tab "/incidents/a/plans" "Plans" %}'
    html = _render(source, request=request)
    assert html.count("aria-current") == 1
    assert html.index("aria-current") > html.index("Overview")


def test_bars_of_losses_grow_left_from_the_common_zero() -> None:
    bins = [charts.Bin("−1", 50, "loss"), charts.Bin("+1", 100, "gain"), charts.Bin("0", 0)]
    html = charts.distribution(bins, "Change", "Change", "Accounts")
    assert '<rect x="250" y="1" width="250" height="12"/>' in html
    assert '<rect x="500" y="1" width="500" height="12"/>' in html
    assert '<rect x="500" y="1" width="0" height="12"/>' in html


def test_a_composition_fills_its_bar_to_the_end() -> None:
    html = charts.composition([charts.Part("a", 1), charts.Part("b", 2)], "Whole")
    assert 'data-shade="1" x="333" y="0" width="665"' in html
    assert "66.7\N{NO-BREAK SPACE}%" in html


def test_a_composition_of_nothing() -> None:
    assert "–" in charts.composition([charts.Part("a", 0)], "Whole")
