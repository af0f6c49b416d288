"""The broker's users with just their rights, and the secrets by which each process knows its own address.

`python -m deploy.k8s.credentials FOLDER --broker amqps://rabbitmq:5671 --mongodb mongodb://...` writes two files that
their owner alone may read: `definitions.json` for RabbitMQ (`rabbitmqctl import_definitions`) and `secrets.json` for
`kubectl apply -f`. Passwords are made once and kept in `FOLDER/passwords.json`: doing it again changes none.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import click

from deploy.k8s.manifests import NAMESPACE, Manifest
from deploy.local.access import OPERATOR, SENDER, VHOST, definitions, find_services, rights_by_user
from deploy.local.folders import ROOT
from deploy.local.passwords import passwords, write_private


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--broker", required=True, help="Scheme, host and port, without a user: amqps://rabbitmq:5671.")
@click.option("--mongodb", required=True, help="The address of the replica set, with its user.")
@click.option("--management", default="", help="The broker's management API without a user: https://rabbitmq:15671.")
def main(folder: Path, broker: str, mongodb: str, management: str) -> None:
    """Write definitions.json and secrets.json into FOLDER."""
    users = rights_by_user(find_services(ROOT))
    known = passwords(folder / "passwords.json", users)
    write_private(folder / "definitions.json", definitions(VHOST, users, known))
    write_private(folder / "secrets.json", secrets(known, broker, mongodb, management))
    click.echo(f"Wrote definitions.json and secrets.json into {folder}.")


def secrets(known: Mapping[str, str], broker: str, mongodb: str, management: str) -> Manifest:
    """A secret for each user of the broker that is a process here; foreign senders have no pod.

    The operator's tells of the management API; it is empty there when nobody named one.
    """
    items = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"deskwire-{user}", "namespace": NAMESPACE},
            "type": "Opaque",
            "stringData": {
                "amqp-uri": f"{_with_user(broker, user, password)}/{VHOST}",
                "mongodb-uri": mongodb,
                **({"management-uri": _with_user(management, user, password)} if user == OPERATOR else {}),
            },
        }
        for user, password in sorted(known.items())
        if user != SENDER
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _with_user(address: str, user: str, password: str) -> str:
    scheme, separator, place = address.rstrip("/").partition("://")
    return f"{scheme}://{user}:{quote(password, safe='')}@{place}" if separator else ""


if __name__ == "__main__":
    main()
