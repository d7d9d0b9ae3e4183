"""The rows of the desk. One module per noun; everything is importable from here."""

from backoffice.models.approvals import Approval
from backoffice.models.audit import AuditEvent, AuditHead
from backoffice.models.break_glass import BreakGlass, BreakGlassReview, BreakGlassSecond
from backoffice.models.campaigns import Campaign, CareHold, KeptLetter, Message
from backoffice.models.cascades import Cascade, CascadeEdge, CascadeNode
from backoffice.models.compensation import Award, Programme
from backoffice.models.feed import ApiToken, Event, Publication
from backoffice.models.incidents import Gate, GateProlongation, Incident, TimelineEntry
from backoffice.models.notices import Fact, Notice, NoticeVersion, Promise
from backoffice.models.passkeys import ApprovalChallenge, Passkey, SpentChallenge
from backoffice.models.people import Interest, Person, Role, SpentCode
from backoffice.models.remedies import (
    Comparison,
    Computation,
    Execution,
    Job,
    Plan,
    PlanEffect,
    Reconciliation,
    Scenario,
    ScenarioEffect,
)
from backoffice.models.webhooks import Delivery, Endpoint

__all__ = [
    "ApiToken",
    "Approval",
    "ApprovalChallenge",
    "AuditEvent",
    "AuditHead",
    "Award",
    "BreakGlass",
    "BreakGlassReview",
    "BreakGlassSecond",
    "Campaign",
    "CareHold",
    "Cascade",
    "CascadeEdge",
    "CascadeNode",
    "Comparison",
    "Computation",
    "Delivery",
    "Endpoint",
    "Event",
    "Execution",
    "Fact",
    "Gate",
    "GateProlongation",
    "Incident",
    "Interest",
    "Job",
    "KeptLetter",
    "Message",
    "Notice",
    "NoticeVersion",
    "Passkey",
    "Person",
    "Plan",
    "PlanEffect",
    "Programme",
    "Promise",
    "Publication",
    "Reconciliation",
    "Role",
    "Scenario",
    "ScenarioEffect",
    "SpentChallenge",
    "SpentCode",
    "TimelineEntry",
]
