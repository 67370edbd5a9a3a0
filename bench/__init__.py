"""Measures Carillon against what the machine can do at all: `make bench`."""
