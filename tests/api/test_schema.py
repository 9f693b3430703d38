"""Days that can be asked about."""

from datetime import date

import pytest
from pydantic import TypeAdapter, ValidationError

from sfu.api.schema import Day

DAY = TypeAdapter(Day)


@pytest.mark.parametrize("day", ["1970-01-02", "2027-03-28", "9000-01-01"])
def test_a_day_of_our_clocks_is_taken(day):
    assert DAY.validate_python(day) == date.fromisoformat(day)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2027-02-29", "March", ""])
def test_a_day_no_clock_knows_is_refused(day):
    with pytest.raises(ValidationError):
        DAY.validate_python(day)
