"""Margin loans: the price at which an asset no longer covers the debt against it."""

from fractions import Fraction


def loan_call_price(debt: Fraction, asset: Fraction, ratio: Fraction) -> Fraction:
    """Price of the asset at which value / debt falls to ``ratio`` (Binance margin: 1.1).

    All above zero; ``debt`` in the quote currency with its interest, ``asset`` in coins.
    """
    if debt <= 0 or asset <= 0 or ratio <= 0:
        raise ValueError("a loan needs a debt, an asset and a ratio above zero")
    return debt * ratio / asset
