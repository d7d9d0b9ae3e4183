"""Why the books refuse. Whoever catches one rolls back: nothing of the refused step remains."""


class BooksRefused(Exception):
    """A posting the books do not take; the message is fit for a person."""


class KeyReused(BooksRefused):
    """The idempotency key was used before, for something else."""


class Unbalanced(BooksRefused):
    """Legs do not sum to zero, or do not fit their accounts."""


class NotAReversal(BooksRefused):
    """Legs are not the exact opposite of what they claim to reverse."""


class DigestMismatch(BooksRefused):
    """What is staged is not what was approved."""


class Stale(BooksRefused):
    """A balance or position moved since the batch was sealed; it can only be computed anew."""


class AlreadyPosted(BooksRefused):
    """The batch is in the ledger: someone got there first."""


class WrongState(BooksRefused):
    """The batch is not in the state this step starts from."""


class Busy(BooksRefused):
    """Somebody holds what is needed for too long to be waited for; try again."""


class TooLarge(BooksRefused):
    """More legs than are posted in one transaction; a batch is never split."""
