"""Satellites and ground stations: Mininet nodes that cost a namespace each, and a shell when asked for."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterable
from typing import Any

from mininet.node import Node

from skybed.emulator.kernel import messages
from skybed.emulator.kernel.addresses import packed
from skybed.emulator.kernel.netlink import Connection, Nowhere
from skybed.emulator.kernel.netns import Namespace
from skybed.topologies.errors import ChangeError

LOOPBACK = 1  # the interface index of `lo` in every namespace

# A node is a router with host routes only. What it must not do is wait (duplicate address detection), guess
# (redirects, reverse-path filter, router discovery) or keep silent (ICMP limits would thin out path proofs).
ROUTER: dict[str, object] = {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.all.accept_local": 1,  # a packet that a route change sends back past its source goes on
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.default.send_redirects": 0,
    "net.ipv4.conf.all.accept_redirects": 0,
    "net.ipv4.icmp_ratemask": 0,  # not even the machine's own limit, which all nodes would share
    "net.ipv4.ping_group_range": "0 2147483647",
    "net.ipv6.conf.default.accept_dad": 0,
    "net.ipv6.conf.default.accept_ra": 0,
    "net.ipv6.conf.default.router_solicitations": 0,
    # ms; by default a random part of a second, which depends on all that the kernel did before
    "net.ipv6.conf.default.mldv2_unsolicited_report_interval": 1,
    "net.ipv6.conf.all.forwarding": 1,
    "net.ipv6.icmp.ratelimit": 0,
    "net.ipv6.icmp.ratemask": "0",  # of types: the one that nobody sends
    "net.ipv6.route.max_size": 1 << 20,  # Linux < 6.3 stops at 4096
}
SEGMENTS: dict[str, object] = {"net.ipv6.conf.all.seg6_enabled": 1, "net.ipv6.conf.default.seg6_enabled": 1}


class SkyNode(Node):
    """A router in a network namespace of its own, with its addresses on the loopback interface.

    Links are unnumbered: routes go by way of the neighbour's loopback address, so `traceroute` shows nodes.
    Everything of a Mininet node works; the shell starts at the first `cmd`. sid: its SRv6 segment identifier,
    where there are any.
    """

    here = True  # on this host

    def __init__(
        self, name: str, ip: str | None = None, ip6: str | None = None, sid: str = "", **params: Any
    ):
        self.ip = ip.split("/")[0] if ip else ""
        self.ip6 = ip6 or ""
        self.sid = sid
        super().__init__(name, **params)
        self._stand()

    def _stand(self) -> None:
        """Make what the kernel has of it."""
        self.namespace = Namespace(ROUTER | SEGMENTS if self.sid else ROUTER)
        self.netlink = Connection(self.namespace)
        addresses = [a for a in (self.ip, self.ip6) if a]
        self.netlink.apply(
            [*(messages.address(LOOPBACK, a) for a in addresses), messages.link_state(LOOPBACK, True)]
        )
        if self.sid:
            self.netlink.apply([messages.local(packed(self.sid), LOOPBACK)])

    # -- what traffic needs: to open a socket and to run a process inside the node

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:
        return self.namespace.socket(family, type, proto)

    def popen(self, *args: Any, **kwargs: Any) -> subprocess.Popen:
        return super().popen(*args, mncmd=[], **kwargs)

    # -- what Mininet's Node does with a shell and mnexec

    def startShell(self, mnopts: str | None = None) -> None:
        """Called by Node's constructor: nothing yet."""

    def _shell_on_demand(self) -> None:
        if not self.shell:
            super().startShell()

    def _popen(self, cmd: list[str], **params: Any) -> subprocess.Popen:
        if (
            cmd[0] == "mnexec"
        ):  # Node's shell: mnexec would close 10^5 descriptors one by one, and make a namespace
            cmd = cmd[cmd.index("env") :]
            params["close_fds"] = True
        params.setdefault("start_new_session", True)
        with self.namespace.entered():
            return subprocess.Popen(cmd, **params)

    def cmd(self, *args: Any, **kwargs: Any) -> str:
        self._shell_on_demand()
        return super().cmd(*args, **kwargs)

    def sendCmd(self, *args: Any, **kwargs: Any) -> None:
        self._shell_on_demand()
        super().sendCmd(*args, **kwargs)

    def terminate(self) -> None:
        super().terminate()
        self.netlink.close()
        self.namespace.close()

    # -- addresses belong to the node, not to its interfaces

    def IP(self, intf: Any = None) -> str:
        return self.ip

    def config(self, routes: Iterable[tuple[tuple[str, str], str]] = (), **_params: Any) -> dict:
        """Mininet's hook once all links are made. routes: (destination addresses, name of the next hop)."""
        self.netlink.apply([m for ips, via in routes for m in self.nameToIntf[via].routes_to(*ips)])
        return {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self.ip} {','.join(self.intfNames())}>"


class Satellite(SkyNode):
    """A node in orbit."""


class GroundStation(SkyNode):
    """A node on the ground: an antenna site, or a centre behind fibre."""


class Distant(SkyNode):
    """A node of the same sky that stands on another host, or in another kernel: what is told to it here, that
    one tells it.
    """

    here = False

    def _stand(self) -> None:
        self.namespace, self.netlink = Namespace.of(-1), Nowhere()

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:
        raise self._elsewhere()

    def _popen(self, cmd: list[str], **params: Any) -> subprocess.Popen:
        raise self._elsewhere()

    def _elsewhere(self) -> ChangeError:
        return ChangeError(f"{self.name} stands elsewhere; nothing can be started in it from here.")
