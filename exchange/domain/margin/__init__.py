"""Margin arithmetic in exact fractions: the one sum behind every venue's rule set.

Every contract is linear in one coordinate ``x``: the price itself for linear and quanto
contracts, one over the price for inverse ones. Value, profit, maintenance and closing fee
are then straight lines in ``x``, a margin balance is a sum of straight lines, and both the
bankruptcy and the liquidation price are the root of one. `position` defines the lines,
`tiers` the maintenance, `health` the roots; `ruleset` names what differs between venues.
Nothing is rounded here: rounding belongs to the rule set, at the very end.
"""
