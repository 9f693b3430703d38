"""What meetings saved: kilometres nobody drove, and their CO2.

::

    Meeting (stays at sites) --> attendance --> venue --> journeys --> Entry --> rows by month,
                                 Roads, Rule ----^----------^                    site, organisation

The rule stands in docs/ledger.md.  Pure: times are handed in, nothing is read.
"""

from sfu.ledger.meeting import Attendance, Meeting, Stay, attend
from sfu.ledger.report import TOTAL, By, Report, Row, report, table
from sfu.ledger.road import Roads
from sfu.ledger.saving import Entry, Journey, Rule, enter

__all__ = [
    "TOTAL",
    "Attendance",
    "By",
    "Entry",
    "Journey",
    "Meeting",
    "Report",
    "Roads",
    "Row",
    "Rule",
    "Stay",
    "attend",
    "enter",
    "report",
    "table",
]
