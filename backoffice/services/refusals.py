"""What a verb of the desk raises when it will not: one family, each with words for a person.

A view shows the message beside the form that was refused; a task writes it on its row. Anything
else that is raised is a defect.
"""


class Refused(Exception):
    """A verb said no and changed nothing. `str()` of it is the reason, for the person who asked."""


class Stale(Refused):
    """Someone got there first: the row is not in a state this step can start from."""


class NotAllowed(Refused):
    """This person may not do this, or not to this row."""


class WrongCode(Refused):
    """The second factor did not hold."""


class WrongPasskey(Refused):
    """A passkey's answer did not hold, or there is none to ask."""


class Moved(Refused):
    """What was looked at is not what is there any more: a digest, a balance, a fact."""
