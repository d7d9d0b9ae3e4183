"""Named places where a process can be made to die, so that dying there can be tested.

A step is named in the code it belongs to: `faults.reach("batch.attached")`. Chaos tests start a
process with MAKEWHOLE_DIE_AT set to one name; it kills itself there as a power cut would, without
unwinding. In every other process a step costs one comparison.
"""

import os
import signal

_DIE_AT = os.environ.get("MAKEWHOLE_DIE_AT", "")


def reach(step: str) -> None:
    """Pass the step, or die at it."""
    if step == _DIE_AT:
        os.kill(os.getpid(), signal.SIGKILL)
