"""Writes a new service in the house's shape: `make new-service NAME=asset`."""
