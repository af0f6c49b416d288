"""The use cases: `commands` of people, `alerts` and `tickets` of foreign systems, `links` of problem, `questions`."""
