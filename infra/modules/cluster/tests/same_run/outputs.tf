# The tests read the modules' own outputs.
