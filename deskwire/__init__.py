"""The operator's command: `deskwire up`, `status`, `doctor`, `report` and the rest. Start with `cli`."""
