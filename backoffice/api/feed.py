"""`GET /api/v1/adjustments`: what executed plans did to fills and positions, for programs.

A client system reads the whole of its venue with a token; a customer who is signed in reads the
rows of their own accounts. JSON or CSV, by the address or by what is accepted.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.http import HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import quote_etag, urlencode
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.decorators import (
    api_view,
    authentication_classes,
    content_negotiation_class,
    permission_classes,
    renderer_classes,
    throttle_classes,
)
from rest_framework.exceptions import APIException, AuthenticationFailed, ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle

from backoffice.feed_columns import COLUMNS, cells
from backoffice.models import ApiToken
from backoffice.queries import feed as queries
from backoffice.services import feed, tokens
from backoffice.spreadsheet import cell
from exchange.models import Venue
from exchange.queries.keyset import BadCursor

NO_STORE = "private, no-cache"


class ClientSystem:
    """Whoever holds a token: no person, so it can do nothing that a person can."""

    is_authenticated = True
    is_active = True

    def __init__(self, token: ApiToken) -> None:
        self.token = token
        self.pk = f"token-{token.pk}"


class FeedToken(BaseAuthentication):
    """`Authorization: Bearer mwk_...`, a token of the scope `feed`."""

    def authenticate(self, request: Request) -> tuple[ClientSystem, ApiToken] | None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        row = tokens.holder(token.strip(), ApiToken.Scope.FEED)
        if row is None:
            raise AuthenticationFailed("This token is unknown or revoked, or is for something else")
        return ClientSystem(row), row

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="feed"'


class FeedTokenScheme(OpenApiAuthenticationExtension):
    """How the description of the API names the token."""

    target_class = FeedToken
    name = "feedToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class IsCustomer(BasePermission):
    """A person who is a customer."""

    message = "Only customers have adjustments of their own."

    def has_permission(self, request: Request, view: Any) -> bool:
        return getattr(request.user, "customer", None) is not None


class FeedThrottle(UserRateThrottle):
    """Ten pages a second: a client that polls is far below, one in a loop is told."""

    scope = "feed"
    rate = "600/minute"


class CSVRenderer(BaseRenderer):
    """The rows of a page under all columns there are; a refusal as one line of text."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> str:
        if not isinstance(data, Mapping) or "adjustments" not in data:
            return str(data.get("detail", "") if isinstance(data, Mapping) else data)
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        writer.writerows([cell(value) for value in cells(row)] for row in data["adjustments"])
        return out.getvalue()


class AsAddressed(BaseContentNegotiation):
    """What the address says it is, whatever is accepted."""

    def select_renderer(
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class Unreadable(APIException):
    """The records have to be made anew and cannot be; an operator has to see to it."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE


class ParametersSerializer(serializers.Serializer[Any]):
    """What a page is asked for with."""

    after = serializers.CharField(
        required=False, default="", max_length=120, help_text="`next` of the page before; or none."
    )
    limit = serializers.IntegerField(
        required=False, default=feed.LIMIT, min_value=1, max_value=feed.LIMIT_MAX
    )
    account = serializers.CharField(
        required=False, default="", max_length=64, help_text="Rows of this account only, by code."
    )
    contract = serializers.CharField(
        required=False, default="", max_length=40, help_text="Rows of this symbol only."
    )


class AdjustmentSerializer(serializers.Serializer[Any]):
    """An ExecutionReport (MsgType 8) of a fill, or a PositionMaintenanceReport (AM).

    Which fields are there follows from MsgType (docs/formats/feed.md). Numbers are decimal
    strings, times are FIX UTCTimestamps.
    """

    MsgType = serializers.ChoiceField([feed.EXECUTION_REPORT, feed.POSITION_REPORT])
    ExecID = serializers.CharField(required=False)
    ExecType = serializers.ChoiceField(["F", "G", "H"], required=False)
    ExecRefID = serializers.CharField(required=False)
    OrigExecID = serializers.CharField(required=False)
    OrderID = serializers.CharField(required=False, allow_null=True)
    TrdMatchID = serializers.CharField(required=False, allow_null=True)
    PosMaintRptID = serializers.CharField(required=False)
    PosMaintRptRefID = serializers.CharField(required=False, allow_null=True)
    PosTransType = serializers.CharField(required=False)
    Account = serializers.CharField()
    Symbol = serializers.CharField()
    Side = serializers.ChoiceField([feed.BUY, feed.SELL], required=False)
    LastQty = serializers.CharField(required=False)
    LastPx = serializers.CharField(required=False, allow_null=True)
    OldLastQty = serializers.CharField(required=False)
    OldLastPx = serializers.CharField(required=False, allow_null=True)
    OrigTime = serializers.CharField(required=False)
    LongQty = serializers.CharField(required=False)
    ShortQty = serializers.CharField(required=False)
    OldLongQty = serializers.CharField(required=False)
    OldShortQty = serializers.CharField(required=False)
    Cost = serializers.CharField(required=False)
    OldCost = serializers.CharField(required=False)
    Currency = serializers.CharField(required=False)
    TransactTime = serializers.CharField()
    PlanDigest = serializers.CharField()


class AdjustmentPageSerializer(serializers.Serializer[Any]):
    """Records in order, newest last. Ask again with `after=next`, at once when `more` is true."""

    adjustments = AdjustmentSerializer(many=True)
    next = serializers.CharField()
    more = serializers.BooleanField()


class FeedRefusalSerializer(serializers.Serializer[Any]):
    """Why there is no page."""

    detail = serializers.CharField()


JSON_PAGE = {(status.HTTP_200_OK, "application/json"): AdjustmentPageSerializer}
CSV_PAGE = {(status.HTTP_200_OK, "text/csv"): OpenApiTypes.STR}
REFUSALS = {
    status.HTTP_304_NOT_MODIFIED: None,
    status.HTTP_400_BAD_REQUEST: FeedRefusalSerializer,
    status.HTTP_401_UNAUTHORIZED: FeedRefusalSerializer,
    status.HTTP_403_FORBIDDEN: FeedRefusalSerializer,
    status.HTTP_429_TOO_MANY_REQUESTS: FeedRefusalSerializer,
    status.HTTP_503_SERVICE_UNAVAILABLE: FeedRefusalSerializer,
}
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER,
    description="The ETag of the last answer: 304 while nothing is new.",
)  # fmt: skip


def _described(name: str, summary: str, pages: Mapping[Any, Any]) -> Callable[..., Any]:
    return extend_schema(
        operation_id=name,
        summary=summary,
        tags=["feed"],
        parameters=[ParametersSerializer, IF_NONE_MATCH],
        responses={**pages, **REFUSALS},
    )


@_described("adjustments", "What executed plans did to fills and positions", JSON_PAGE | CSV_PAGE)
@api_view(["GET"])
@authentication_classes([FeedToken])
@permission_classes([IsAuthenticated])
@throttle_classes([FeedThrottle])
@renderer_classes([JSONRenderer, CSVRenderer])
def adjustments(request: Request) -> HttpResponse:
    """A page of the venue's feed, for a token."""
    return _page(request, request.user.token.venue, None)


@_described("adjustments_csv", "The same, as CSV", CSV_PAGE)
@api_view(["GET"])
@authentication_classes([FeedToken])
@permission_classes([IsAuthenticated])
@throttle_classes([FeedThrottle])
@renderer_classes([CSVRenderer])
@content_negotiation_class(AsAddressed)
def adjustments_csv(request: Request) -> HttpResponse:
    """The same as CSV, whatever is accepted."""
    return _page(request, request.user.token.venue, None)


@_described("my_adjustments", "A customer's own adjustments", JSON_PAGE | CSV_PAGE)
@api_view(["GET"])
@authentication_classes([SessionAuthentication])
@permission_classes([IsAuthenticated, IsCustomer])
@throttle_classes([FeedThrottle])
@renderer_classes([JSONRenderer, CSVRenderer])
def my_adjustments(request: Request) -> HttpResponse:
    """Rows of the signed-in customer's own accounts."""
    customer = request.user.customer
    return _page(request, customer.venue, queries.account_numbers(customer))


def _page(request: Request, venue: Venue, own: Sequence[int] | None) -> HttpResponse:
    """A page, or 304 when the reader has it. `own`: the only accounts this reader may see."""
    asked = ParametersSerializer(data=request.query_params)
    asked.is_valid(raise_exception=True)
    given = asked.validated_data
    wanted = _wanted(venue, own, given["account"], given["contract"])
    try:
        page = feed.read(venue, given["after"], given["limit"], wanted)
    except BadCursor as problem:
        raise ValidationError({"detail": f"after: {problem}."}) from problem
    except feed.UNREADABLE as why:
        raise Unreadable(str(why)) from why
    response = Response(
        {"adjustments": page.rows, "next": page.next, "more": page.more},
        headers={"Makewhole-Next": page.next, "Cache-Control": NO_STORE},
    )
    query = urlencode({**request.query_params.dict(), "after": page.next})
    response["Link"] = f'<{request.build_absolute_uri(request.path)}?{query}>; rel="next"'
    response["ETag"] = etag = _etag(request, venue, own, page)
    patch_vary_headers(response, ["Authorization", "Cookie"])
    return get_conditional_response(request._request, etag=etag, response=response) or response


def _wanted(venue: Venue, own: Sequence[int] | None, account: str, contract: str) -> feed.Wanted:
    """The filter, by the tape's numbers; refused where it names what there is not."""
    accounts = own
    if account:
        number = queries.account_number(venue.pk, account)
        if number is None or (own is not None and number not in own):
            raise ValidationError({"detail": "account: there is no account with this code."})
        accounts = [number]
    if not contract:
        return feed.Wanted(accounts)
    symbols = {name.symbol: number for number, name in queries.contracts(venue.pk).items()}
    if contract not in symbols:
        raise ValidationError({"detail": "contract: there is no contract with this symbol."})
    return feed.Wanted(accounts, symbols[contract])


def _etag(request: Request, venue: Venue, own: Sequence[int] | None, page: feed.Page) -> str:
    """History does not change: what was asked, where it ends and how make the page."""
    said = (
        venue.pk, own, sorted(request.query_params.lists()), page.next, page.more,
        len(page.rows), request.accepted_renderer.format,
    )  # fmt: skip
    return quote_etag(hashlib.sha256(repr(said).encode()).hexdigest()[:32])
