"""The rules of incidents, one subject a file; `lifecycle` holds the table of states and `actions` applies it."""
