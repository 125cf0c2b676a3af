"""Reporting standards as views of the same facts. Read first: `answers`, then one of `tripod`, `hti1`, `chai`."""
