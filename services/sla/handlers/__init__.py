"""What sla does: folds incidents into clocks, acts on what is due, follows changed inputs, answers questions."""

from services.sla.handlers.due import run_due
from services.sla.handlers.editions import announce
from services.sla.handlers.expecting import expect
from services.sla.handlers.explaining import explain_clocks
from services.sla.handlers.figuring import figures
from services.sla.handlers.incidents import take_incidents
from services.sla.handlers.outages import downtime
from services.sla.handlers.predicting import lengths, predict
from services.sla.handlers.questions import count_gaps, find, get, report
from services.sla.handlers.reckoning import count_outdated, run_reckoning
from services.sla.handlers.verifying import verify

__all__ = [
    "announce",
    "count_gaps",
    "count_outdated",
    "downtime",
    "expect",
    "explain_clocks",
    "figures",
    "find",
    "get",
    "lengths",
    "predict",
    "report",
    "run_due",
    "run_reckoning",
    "take_incidents",
    "verify",
]
