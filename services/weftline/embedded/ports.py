"""Free TCP ports on the loopback address, the only one on which the embedded stack listens."""

from __future__ import annotations

import random
import socket

from weftline.embedded.jars import default_cache
from weftline.embedded.locks import FileLock, Held

HOST = "127.0.0.1"

# Below those that a system gives to outgoing connections (Linux from 32768, others from 49152), one of which could have taken a
# port between our choice and our server's start.
FREE = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether ``port`` can be bound now.

    ``SO_REUSEADDR`` is what servers set themselves: without it, connections of the last run that linger in TIME_WAIT would make
    a port look taken for a minute.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """``count`` different ports that are free now."""
    ports: list[int] = []
    for port in random.SystemRandom().sample(FREE, len(FREE)):
        if len(ports) == count:
            break
        if is_free(port):
            ports.append(port)
    return ports


def reserve(port: int) -> FileLock | None:
    """Keep a port from every other stack of this user until the lock is released or this process ends; ``None`` if one has it.

    A broker listens seconds after its port was chosen: without this two stacks that start together choose the same one, and the
    slower finds a broker there that is ready, and the other's.
    """
    lock = FileLock(default_cache() / "ports" / str(port))
    try:
        return lock.acquire()
    except Held:
        return None
    except OSError:  # a home that cannot be written: as well as it goes without
        return lock
