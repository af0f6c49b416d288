"""The rules of changes: their life, and which deployment belongs to which."""
