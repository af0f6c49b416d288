"""What must be there before a service starts: topology and collections (`python -m shared.prepare`)."""

from __future__ import annotations

from shared import declaring, schema


def main() -> None:
    """Declare the topology at `AMQP_URI` and make the collections at `MONGODB_URI`; doing it again changes nothing."""
    declaring.main()
    schema.main()


if __name__ == "__main__":
    main()
