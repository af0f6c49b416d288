"""The directory: people, teams, services, configuration items and organisations.

Owns: the records that others name by an id.
Events in: none.
Events out: none.
"""
