"""Measures the machine and the process while a run goes on."""
