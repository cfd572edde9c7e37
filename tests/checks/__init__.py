"""Tests of the checks: planted defects are killed, honest orders pass."""
