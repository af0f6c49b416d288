"""The rules of problems: their life, and what counts as recurrence."""
