"""Problems and known errors: the cause behind incidents, from suspicion to fix (ITIL 4, problem management).

Owns: problems, and of each incident with a fingerprint the little that shows whether it recurs.
Events in: every `incident.*`. Events out: `problem.*` (services.problem.events).
"""
