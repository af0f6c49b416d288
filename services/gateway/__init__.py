"""The front door: what people and foreign systems reach by HTTP.

Owns: the ops port and its exchange; it asks the other services for everything else.
Events in: none.
Events out: none.
"""
