"""Speed, measured beside the raw ceiling of the same machine in the same minute. No figure here is a promise."""
