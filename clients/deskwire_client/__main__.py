"""`python -m deskwire_client` is the command `deskwire-client`."""

import sys

from deskwire_client.cli import main

sys.exit(main())
