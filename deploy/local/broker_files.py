"""The files that a RabbitMQ node of our own reads, and the environment in which it finds them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from deploy.local.access import Rights, definitions
from deploy.local.passwords import write_private

NODE = "deskwire@localhost"
_WAL_BYTES = 64 * 1024 * 1024
_KEPT = ("PATH", "TZ", "TMPDIR", "LD_LIBRARY_PATH")


def write_settings(folder: Path, *, port: int, bind: str, management_port: int | None) -> None:
    """`rabbitmq.conf` and `enabled_plugins`."""
    lines = [
        f"listeners.tcp.1 = {bind}:{port}",
        f"load_definitions = {folder / 'definitions.json'}",
        "loopback_users = none",
        "log.console = false",
        "log.file.level = warning",
        # The log of quorum queues is kept in memory up to this size; RabbitMQ's own default is 512 MB.
        f"raft.wal_max_size_bytes = {_WAL_BYTES}",
        "vm_memory_high_watermark.relative = 0.3",
        "disk_free_limit.absolute = 200MB",
    ]
    if management_port is not None:
        lines += ["management.tcp.ip = 127.0.0.1", f"management.tcp.port = {management_port}"]
    (folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
    plugins = "" if management_port is None else "rabbitmq_management"
    (folder / "enabled_plugins").write_text(f"[{plugins}].\n")


def write_definitions(folder: Path, vhost: str, users: Mapping[str, Rights], passwords: Mapping[str, str]) -> None:
    """`definitions.json`, imported at each start: a changed table of rights takes effect with the next one."""
    write_private(folder / "definitions.json", json.loads(json.dumps(definitions(vhost, users, passwords))))


def environment(folder: Path, *, epmd_port: int, distribution_port: int) -> dict[str, str]:
    """The node's environment: everything of it lies in `folder`, and nothing of the system's broker is read."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        "LANG": "C.UTF-8",
        # Erlang keeps the node's cookie in the home folder.
        "HOME": str(folder),
        # The script then becomes the node instead of waiting for it, so that the process id is the node's.
        "RUNNING_UNDER_SYSTEMD": "true",
        "RABBITMQ_NODENAME": NODE,
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_LOGS": str(folder / "broker.log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONFIG_FILES": str(folder / "conf.d"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_DIST_PORT": str(distribution_port),
        # Idle schedulers sleep instead of spinning: the machine has other work.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false +sbwt none +sbwtdcpu none +sbwtdio none",
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
