"""Notification management: who is told of what, on which channel, and whether it reached them.

Owns: rules and addresses (a settings file) and deliveries, one for each (event, recipient, channel).
Events in: incident.*, sla.*, problem.* and change.* of the other services.
Events out: notification.planned, .deferred, .doubtful, .sent, .failed, .cancelled and .requeued.
"""
