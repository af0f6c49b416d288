"""One machine: the virtual environment, the broker, the database and the services, started and stopped in order."""
