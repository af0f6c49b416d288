"""What every service needs, one concern a file. Start with `envelope`, `topology` and `unit_of_work`."""
