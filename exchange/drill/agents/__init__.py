"""Who trades: market makers, customers, those who push the price, and the movers of money.

Each module is one kind of behaviour, a few compiled functions called once per second. An
agent sees the book, its own account and the scenario's script; what it does to the price
happens in the book.
"""
