"""A program that does nothing: stands in for the declaration of the topology."""
