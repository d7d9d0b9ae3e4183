"""What an incident waits for, as a table of situations."""

import pytest

from backoffice.views.next_steps import Situation, steps

START = Situation(status="triage", all_closed=False, plan="", notices=0, campaigns=0)


@pytest.mark.parametrize(
    ("now", "next_label"),
    [
        (START, "Declare the incident"),
        (START._replace(status="declared"), "Close trading and withdrawals"),
        (START._replace(status="declared", all_closed=True), "Tell the public what is known"),
        (Situation("contained", True, "", 1, 0), "Compute a remedy"),
        (Situation("remedy", True, "computed", 1, 0), "Have it approved by its quorum"),
        (Situation("remedy", True, "proposed", 1, 0), "Have it approved by its quorum"),
        (Situation("remedy", True, "stale", 1, 0), "Have it approved by its quorum"),
        (Situation("remedy", True, "approved", 1, 0), "Execute and reconcile"),
        (Situation("remedy", False, "executed", 1, 0), "Write to every customer it touched"),
        (Situation("remedy", False, "reconciled", 1, 1), None),
    ],
)
def test_the_next_step(now: Situation, next_label: str | None) -> None:
    found = [str(step.label) for step in steps(now) if not step.done]
    assert (found[0] if found else None) == next_label


def test_gates_opened_after_the_execution_stay_done() -> None:
    now = Situation("closed", False, "reconciled", 1, 1)
    done = {str(step.label): step.done for step in steps(now)}
    assert done["Close trading and withdrawals"]
