"""How an attempt ended: what the switch saw, in one word of the contract.

A table from the client's end of the call. Talk decides first: client and employee heard each other. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..calls.attempt import AttemptReport, Leg


@dataclass(frozen=True, slots=True)
class Disposition:
    """``word`` is CDR's (ANSWERED, NO ANSWER, BUSY, CONGESTION, FAILED) or our LOST; ``reason`` the row's.

    ``client_rung``: the client's telephone may have rung, so the attempt counts as one of his. ``talk`` in seconds, None
    where there was none or its length is not known.
    """

    word: str
    reason: str
    client_rung: bool
    employee: str | None = None
    talked_at: datetime | None = None
    talk: float | None = None
    cause: int = 0
    tech_cause: int = 0

    @property
    def answered(self) -> bool:
        return self.word == "ANSWERED"


# Q.850 causes (RFC 3326, ITU-T Q.850) of the client's end, as Asterisk's Hangup shows them. The SIP code, where Asterisk
# tells it, is asked first: several codes share a cause.
_BY_SIP = {
    404: "invalid_number",
    410: "invalid_number",
    484: "invalid_number",
    604: "invalid_number",
    486: "client_busy",
    600: "client_busy",
    603: "client_declined",
    607: "client_declined",
    408: "client_no_answer",
    480: "client_no_answer",
    487: "client_no_answer",
}
_BY_CAUSE = {
    1: "invalid_number",  # unallocated
    22: "invalid_number",  # number changed
    28: "invalid_number",  # address incomplete
    17: "client_busy",
    21: "client_declined",
    18: "client_no_answer",
    19: "client_no_answer",
    20: "client_no_answer",  # subscriber absent
    102: "client_no_answer",  # recovery on timer expiry
}
_BY_STATUS = {"BUSY": "client_busy", "NOANSWER": "client_no_answer"}
_OURS = "CANCEL"  # we ended the ringing: the employee hung up
_WORDS = {"client_busy": "BUSY", "client_no_answer": "NO ANSWER", "congestion": "CONGESTION"}


def disposition(report: AttemptReport, first: str) -> Disposition:
    """What became of an attempt whose channels are all gone. ``first``: who was rung first, ``employee`` or ``client``."""
    client = report.client
    if report.talked_at is not None:
        talk = None if report.unseen_end else report.talk
        return Disposition("ANSWERED", "answered", True, report.employee, report.talked_at, talk)
    if report.unseen_end:
        return lost()
    if client is None:
        return _nobody_dialled(report, first)
    if client.answered_at is not None:
        reason = "client_gave_up" if client.hung_up_itself else "employee_absent"
        return Disposition("NO ANSWER", reason, True, cause=client.cause, tech_cause=client.tech_cause)
    reason = _unreached(client)
    return Disposition(
        _WORDS.get(reason, "FAILED"),
        reason,
        reason != "congestion",
        report.employee,
        cause=client.cause,
        tech_cause=client.tech_cause,
    )


def lost() -> Disposition:
    """Nobody saw how it ended, so nobody can say."""
    return Disposition("LOST", "lost", True)


def refused() -> Disposition:
    """Asterisk did not start the call at all."""
    return Disposition("CONGESTION", "congestion", False)


def _nobody_dialled(report: AttemptReport, first: str) -> Disposition:
    """The client's end was never made: the employee did not answer, or the trunk gave no channel."""
    if first == "employee" and not any(e.answered_at is not None for e in report.employees):
        return Disposition("NO ANSWER", "employee_absent", False)
    return Disposition("CONGESTION", "congestion", False, report.employee)


def _unreached(client: Leg) -> str:
    """The most exact witness first: the SIP code, the cause, the DialStatus. What none of them knows is the trunk's fault."""
    if client.status == _OURS:
        return "client_no_answer"
    if client.tech_cause >= 400:
        return _BY_SIP.get(client.tech_cause, "congestion")
    return _BY_CAUSE.get(client.cause) or _BY_STATUS.get(client.status, "congestion")
