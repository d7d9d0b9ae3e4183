"""What a page answers when a verb refused: the status that names the kind of refusal."""

from backoffice.services.refusals import Moved, NotAllowed, Refused, Stale


def status_of(refused: Refused) -> int:
    """403: not this person; 409: it is not any more what was looked at; 422: not like this."""
    if isinstance(refused, NotAllowed):
        return 403
    return 409 if isinstance(refused, Stale | Moved) else 422
