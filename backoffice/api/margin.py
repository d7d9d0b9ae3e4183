"""`POST /api/v1/margin/quote`: the margin calculator for programs and customers.

Open to anyone, because a customer checks a liquidation before they trust the desk with a name;
throttled by address. Nothing is read or written.
"""

from collections.abc import Mapping
from typing import IO, Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import (
    api_view,
    authentication_classes,
    parser_classes,
    permission_classes,
    throttle_classes,
)
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle

from exchange.domain.margin_quote import QuoteRefused, parse
from exchange.domain.margin_quote import quote as quote_of
from exchange.domain.rules import names

BODY_BYTES_MAX = 256 * 1024


class ExactJSONParser(BaseParser):
    """JSON as the calculator reads it: a binary float never touches a price."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read(BODY_BYTES_MAX + 1)
        if len(body) > BODY_BYTES_MAX:
            raise ParseError(f"The request is larger than {BODY_BYTES_MAX} bytes.")
        return parse(body)


class QuoteThrottle(AnonRateThrottle):
    """Sixty quotes a minute from one address."""

    scope = "margin-quote"
    rate = "60/minute"


def _decimal(required: bool = False, **options: Any) -> serializers.CharField:
    return serializers.CharField(required=required, **options)


class OtherSerializer(serializers.Serializer[Any]):
    """A position of a cross account, or the sums of all the others."""

    side = serializers.ChoiceField(["long", "short"], required=False)
    quantity = _decimal()
    entry = _decimal()
    mark = _decimal()
    leverage = _decimal()
    maintenance = _decimal()
    deduction = _decimal()
    face = _decimal()
    contract = serializers.CharField(required=False)
    symbol = serializers.CharField(required=False)
    maintenance_margin = _decimal()
    unrealised_pnl = _decimal()


class HedgeSerializer(serializers.Serializer[Any]):
    """The opposite leg of the same contract."""

    quantity = _decimal(required=True)
    entry = _decimal(required=True)
    maintenance = _decimal()
    deduction = _decimal()


class QuoteRequestSerializer(serializers.Serializer[Any]):
    """A quote request. Numbers are decimal strings; unknown keys are refused."""

    rules = serializers.ChoiceField(names())
    side = serializers.ChoiceField(["long", "short"])
    quantity = _decimal(
        required=True,
        help_text="Contracts where face is given, else USD (inverse) or coins (linear).",
    )
    entry = _decimal(required=True)
    mode = serializers.ChoiceField(["cross", "isolated", "fixed"])
    collateral = _decimal(help_text="The cross balance or the position's margin.")
    leverage = _decimal()
    maintenance = _decimal(help_text="Rate as a fraction of 1; for okex-2018 the factor.")
    deduction = _decimal()
    face = _decimal()
    taker_fee = _decimal()
    mark = _decimal()
    ema = _decimal()
    others = OtherSerializer(many=True, required=False)
    contract = serializers.ChoiceField(["inverse", "linear", "quanto"], required=False)
    symbol = serializers.CharField(required=False)
    tick = _decimal()
    hedge = HedgeSerializer(required=False)


class FiguresSerializer(serializers.Serializer[Any]):
    """Figures of a quote; null where a figure is not defined."""

    liquidation_price = serializers.CharField(allow_null=True)
    bankruptcy_price = serializers.CharField(allow_null=True)
    initial_margin = serializers.CharField(allow_null=True)
    maintenance_margin = serializers.CharField(allow_null=True)
    margin_ratio = serializers.CharField(allow_null=True)
    margin_ratio_ema = serializers.CharField(allow_null=True, required=False)
    pnl = serializers.CharField(allow_null=True)
    position_value = serializers.CharField(allow_null=True)
    effective_leverage = serializers.CharField(allow_null=True)


class QuoteSerializer(FiguresSerializer):
    """A quote: the figures as the venue rounds them, unrounded beside, and the sum in words."""

    rules = serializers.CharField()
    version = serializers.CharField()
    contract = serializers.CharField()
    mode = serializers.CharField()
    side = serializers.CharField()
    unrounded = FiguresSerializer()
    steps = serializers.ListField(child=serializers.CharField())
    sources = serializers.ListField(child=serializers.CharField())


class RefusalSerializer(serializers.Serializer[Any]):
    """Why there is no quote; ``field`` names the input."""

    detail = serializers.CharField()
    field = serializers.CharField(required=False)


@extend_schema(
    operation_id="margin_quote",
    summary="Liquidation price, bankruptcy price and margins of a position",
    tags=["margin"],
    auth=[],
    request=QuoteRequestSerializer,
    responses={
        status.HTTP_200_OK: QuoteSerializer,
        status.HTTP_400_BAD_REQUEST: RefusalSerializer,
        status.HTTP_415_UNSUPPORTED_MEDIA_TYPE: RefusalSerializer,
        status.HTTP_429_TOO_MANY_REQUESTS: RefusalSerializer,
    },
    examples=[
        OpenApiExample(
            "Bybit inverse, cross",
            request_only=True,
            value={
                "rules": "bybit-inverse",
                "side": "long",
                "quantity": "10000",
                "entry": "8000",
                "collateral": "0.5",
                "mode": "cross",
                "maintenance": "0.005",
                "taker_fee": "0.00075",
            },
        )
    ],
)
@api_view(["POST"])
@authentication_classes([])
@permission_classes([AllowAny])
@throttle_classes([QuoteThrottle])
@parser_classes([ExactJSONParser])
def quote(request: Request) -> Response:
    """Answer a quote, or refuse in one sentence that names the field."""
    try:
        return Response(quote_of(request.data))
    except QuoteRefused as problem:
        return Response(
            {"detail": problem.sentence, "field": problem.field},
            status=status.HTTP_400_BAD_REQUEST,
        )
