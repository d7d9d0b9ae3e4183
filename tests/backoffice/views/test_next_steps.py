"""What an incident waits for, as a table of situations."""

import pytest

from backoffice.views.next_steps import Situation, steps

START = Situation("triage", all_closed=False, all_open=True, plan="", notices=0, campaigns=0)
CLOSED = START._replace(status="remedy", all_closed=True, all_open=False, notices=1)
OPEN = CLOSED._replace(all_closed=False, all_open=True)


@pytest.mark.parametrize(
    ("now", "next_label"),
    [
        (START, "Declare the incident"),
        (START._replace(status="declared"), "Close trading and withdrawals"),
        (CLOSED._replace(status="declared", notices=0), "Tell the public what is known"),
        (CLOSED._replace(status="contained"), "Compute a remedy"),
        (CLOSED._replace(plan="computed"), "Have it approved by its quorum"),
        (CLOSED._replace(plan="proposed"), "Have it approved by its quorum"),
        (CLOSED._replace(plan="stale"), "Have it approved by its quorum"),
        (CLOSED._replace(plan="approved"), "Execute and reconcile"),
        (OPEN._replace(plan="executed"), "Write to every customer it touched"),
        (CLOSED._replace(plan="reconciled", campaigns=1), "Open trading and withdrawals again"),
        (OPEN._replace(plan="reconciled", campaigns=1), None),
    ],
)
def test_the_next_step(now: Situation, next_label: str | None) -> None:
    found = [str(step.label) for step in steps(now) if not step.done]
    assert (found[0] if found else None) == next_label


def test_gates_opened_after_the_execution_stay_done() -> None:
    now = OPEN._replace(status="closed", plan="reconciled", campaigns=1)
    done = {str(step.label): step.done for step in steps(now)}
    assert done["Close trading and withdrawals"]
