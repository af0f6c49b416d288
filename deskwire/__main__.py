"""`python -m deskwire`."""

from deskwire.cli import main

if __name__ == "__main__":
    main()
