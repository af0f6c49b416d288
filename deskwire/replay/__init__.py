"""Brings another desk's history over: a format maps its rows to events, and the services do the rest."""
