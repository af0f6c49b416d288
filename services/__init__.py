"""The services of the desk. Each owns its storage and shares nothing but events."""
