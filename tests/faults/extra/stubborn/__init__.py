"""A service of the fault run alone, built like any other: its handler fails for events that say so.

Takes `alert.stubborn` from the intake and publishes nothing.
"""
