"""Why a drill was not played, or its tape not written."""


class DrillRefused(ValueError):
    """The size asked for is outside what the drill can play."""


class DrillFailed(RuntimeError):
    """The market did not keep one of its promises; nothing was written."""
