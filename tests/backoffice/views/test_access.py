"""Who gets in: signing in needs the second factor, flags open nothing, customers see no desk."""

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.services import people
from tests.backoffice.services.conftest import World
from tests.backoffice.views.conftest import expected, getting, matrix, signed_in


def test_it_asks_for_the_code_after_the_password(world: World) -> None:
    client = Client()
    answer = client.post(
        reverse("account_login"),
        {"login": people.email_of("mira"), "password": people.password_of("mira")},
    )
    assert answer.url == reverse("mfa_authenticate")
    assert client.get(reverse("incidents")).status_code == 302, "a password alone opens nothing"
    answer = client.post(reverse("mfa_authenticate"), {"code": world.code("mira")})
    assert answer.status_code == 302
    assert client.get(reverse("incidents")).status_code == 200


def test_it_sends_staff_without_a_second_factor_to_set_one_up(world: World) -> None:
    answer = signed_in("unprotected").get(reverse("incidents"))
    assert answer.url == reverse("mfa_activate_totp")


def test_it_sends_whoever_is_signed_out_to_sign_in_and_back(world: World) -> None:
    answer = Client().get(reverse("incidents"), {"q": "index"})
    assert answer.url == f"{reverse('account_login')}?next=/incidents/%3Fq%3Dindex"


@pytest.mark.parametrize("name", ["incidents", "find", "styleguide", "styleguide-prices"])
def test_it_opens_pages_of_the_desk_to_staff_only(world: World, name: str) -> None:
    assert matrix(getting(name)) == expected()


def test_it_names_the_role_a_page_needs(world: World, rf: object) -> None:
    from django.core.exceptions import PermissionDenied
    from django.http import HttpResponse

    from backoffice.models import Person
    from backoffice.views import access

    @access.staff("risk", "legal")
    def page(request: object) -> HttpResponse:
        return HttpResponse()

    request = rf.get("/")
    request.user = Person.objects.get(email=people.email_of("mira"))
    with pytest.raises(PermissionDenied, match="needs the role risk officer or legal officer"):
        page(request)


def test_it_shuts_out_whoever_was_deactivated(world: World) -> None:
    client = signed_in("analyst")
    world.person("mira").__class__.objects.filter(email=people.email_of("mira")).update(
        is_active=False
    )
    assert client.get(reverse("incidents")).status_code == 302
