"""A RabbitMQ node of our own, without root and in a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from deploy.local import amqp
from deploy.local.access import OPERATOR, VHOST, Rights, find_services, rights_by_user
from deploy.local.broker_files import environment, write_definitions, write_settings
from deploy.local.folders import ROOT
from deploy.local.packages import ProgramMissing, install, may_install
from deploy.local.passwords import passwords
from deploy.local.ports import free_port, listens
from deploy.local.process import Child, wait_for
from shared.errors import Unavailable

START_SECONDS = 60.0
STOP_SECONDS = 15.0


class BrokerFailed(Unavailable):
    """The node did not come up; the message names its log."""

    slug = "broker-failed"


def find_server() -> Path | None:
    """RabbitMQ's own start script. Debian's `/usr/sbin/rabbitmq-server` wraps it and wants root, so it comes last."""
    for base in ("/usr/lib/rabbitmq/lib", "/usr/local/lib/rabbitmq/lib", "/opt/rabbitmq", "/usr/local/sbin"):
        found = sorted(Path(base).glob("rabbitmq_server-*/sbin/rabbitmq-server")) or [
            *Path(base).glob("sbin/rabbitmq-server")
        ]
        if found:
            return found[-1]
    on_path = shutil.which("rabbitmq-server")
    return None if on_path is None else Path(on_path).resolve()


def find_or_install_server() -> Path:
    """The start script, installed first where we may. Raises ProgramMissing, which says what to do."""
    found = find_server()
    if found is None and may_install():
        install(["rabbitmq-server"])
        found = find_server()
    if found is None:
        raise ProgramMissing(
            "RabbitMQ is not on this machine: install it (on Debian or Ubuntu `sudo apt-get install rabbitmq-server`), "
            "or set AMQP_URI to a broker that you have."
        )
    return found


def find_epmd() -> str:
    """Erlang's port mapper. Raises ProgramMissing when Erlang is not there in full."""
    found = shutil.which("epmd") or next((str(p) for p in Path("/usr/lib/erlang").glob("erts-*/bin/epmd")), None)
    if found is None:
        raise ProgramMissing("Erlang's epmd is missing: install Erlang in full (erlang-base on Debian and Ubuntu).")
    return found


class Broker:
    """One node with its own port mapper, cookie and data; several can run beside each other and a system's broker.

    Users and rights are those of `access`, imported at each start. `start` returns when the operator's handshake
    succeeds; `stop` and `kill` return when nothing is left, the port mapper included. The data in `folder` outlives
    both. The node dies with the process (thread, on Linux) that started it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        bind: str = "127.0.0.1",
        management_port: int | None = None,
        password_file: Path | None = None,
        users: Mapping[str, Rights] | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.port = port if port is not None else free_port()
        self.bind = bind
        self.management_port = management_port
        self.users = dict(users if users is not None else rights_by_user(find_services(ROOT)))
        self._password_file = password_file or self.folder / "secrets.json"
        self._passwords: dict[str, str] = {}
        self._node: Child | None = None
        self._epmd: Child | None = None

    def uri(self, user: str = OPERATOR, vhost: str = VHOST) -> str:
        """The AMQP address of the node for a user, password included."""
        password = self._read_passwords()[user]
        return f"amqp://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{quote(vhost, safe='')}"

    @property
    def management_uri(self) -> str:
        """The operator's address of the management plugin's HTTP API; empty without the plugin."""
        if self.management_port is None:
            return ""
        password = quote(self._read_passwords()[OPERATOR], safe="")
        return f"http://{OPERATOR}:{password}@127.0.0.1:{self.management_port}"

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the node and of its port mapper, while they run."""
        return tuple(child.pid for child in (self._node, self._epmd) if child and child.alive and child.pid)

    @property
    def alive(self) -> bool:
        """Whether the node's process runs."""
        return self._node is not None and self._node.alive

    @property
    def log(self) -> Path:
        """The node's log."""
        return self.folder / "broker.log"

    def start(self, seconds: float = START_SECONDS) -> None:
        """Start and wait until it is ready. Raises BrokerFailed or ProgramMissing, and leaves no process then."""
        self.spawn()
        if not wait_for(lambda: not self.alive or self.ready(), seconds) or not self.alive:
            self.kill()
            raise BrokerFailed(f"RabbitMQ did not start within {seconds:.0f} s; {self.log} says why.")

    def spawn(self) -> None:
        """Start without waiting."""
        server, epmd = find_or_install_server(), find_epmd()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_settings(self.folder, port=self.port, bind=self.bind, management_port=self.management_port)
        write_definitions(self.folder, VHOST, self.users, self._read_passwords())
        epmd_port = free_port()
        env = environment(self.folder, epmd_port=epmd_port, distribution_port=free_port())
        output = self.folder / "output.log"
        self._stop_epmd()
        self._epmd = Child("epmd", [epmd, "-port", str(epmd_port)], env=env, cwd=self.folder, log=output)
        self._epmd.start()
        wait_for(lambda: listens(epmd_port), 5)
        self._node = Child("broker", [str(server)], env=env, cwd=self.folder, log=output)
        self._node.start()

    def ready(self) -> bool:
        """Whether the operator can work with it now."""
        return listens(self.port) and amqp.fault(self.uri()) is None

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """Stop in order; what is left after `seconds` is killed. True when it ended by itself."""
        ended = self._node.stop(seconds) if self._node is not None else True
        self._stop_epmd()
        return ended

    def kill(self) -> None:
        """kill -9: as a power failure would."""
        if self._node is not None:
            self._node.kill()
        self._stop_epmd()

    def restart(self, seconds: float = START_SECONDS) -> None:
        """Stop in order and start again on the same ports and data."""
        self.stop()
        self.start(seconds)

    def _stop_epmd(self) -> None:
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd = None

    def _read_passwords(self) -> dict[str, str]:
        if not self._passwords:
            self._passwords = passwords(self._password_file, self.users)
        return self._passwords
