"""One file a command, or a group of commands. Each says in its docstring what it prints."""
