"""Owns the clocks of every incident: how long until a response and a solution are due, by policy and calendar.

Takes every `incident.*` event, keeps it as history and folds the gapless part of it into clocks: response,
resolution and, where the policy has targets for them, each message of the requester, each team's spell and each
vendor's spell. Publishes `sla.started`, `.paused`, `.resumed`, `.recomputed`, `.warned`, `.breached`, `.passed`,
`.met`, `.ended` and `.cancelled`, each with the moment at which it became true, however late it was found.
"""
