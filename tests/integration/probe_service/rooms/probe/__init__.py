"""The probe: it does what the event or the call says."""
