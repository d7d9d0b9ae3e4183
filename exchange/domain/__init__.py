"""Pure core of the books: values in, values out.

Nothing below imports Django, reads a clock, draws a random number or touches a file.
Amounts are integers in the minor unit of their asset, prices are integer ticks.
"""
