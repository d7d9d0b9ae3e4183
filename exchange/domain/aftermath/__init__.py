"""What follows a liquidation trigger, in order, as pure functions.

`step_down` shrinks a position to a lower tier; `takeover` closes the rest at its bankruptcy
price and books the difference to the insurance fund; where the fund is spent `deleverage`
or `unwind` close winners against the loser, or `clawback` shares the loss among net profits
and `haircut` among balances. Quantities are whole contracts, amounts in the books whole
minor units; nothing is lost to rounding, every split sums to what was split.
"""
