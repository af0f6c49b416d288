"""Faults that other desks had, each as a test that this one has not. A docstring names the thread it came from."""
