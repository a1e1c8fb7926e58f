# Everything is fixed.
