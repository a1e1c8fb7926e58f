"""A function starts in a few milliseconds: Lambda bills them, and an event waits for them."""

import pytest

from start import FUNCTIONS, figures, refused


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_start_costs_little_more_than_reading_settings(function):
    # Measured: 3 to 3.7 times, and 14 to 16 MiB. The certificates of the system alone would cost 20 times.
    found = figures(function)
    assert found["CPU ms"] < 6 * refused(function), found
    assert found["MiB"] < 24, found
