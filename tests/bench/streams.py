"""What idle streams of alerts cost the gateway: ``python -m tests.bench.streams``. Prints the share of one core; decides no test.

A real broker, ClickHouse and gateway, and so many real connections (``--streams``), of partners with five each. The gateway's processor
time is read from the system over ``--seconds``, first without and then with them; heartbeats are counted, and at the end one alert is
published, which every stream of its factory must bring.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from confluent_kafka import Producer

from tests.support.examples import ALERT, CODEC
from tests.support.stack import stack_at
from weftline.contracts.kinds import BY_CLASS
from weftline.contracts.partners import Partner, Role, checked, new_token
from weftline.contracts.topics import partition_of
from weftline.domain.alerts import Alert
from weftline.embedded.children import DidNotStart, Running, gateway_child
from weftline.embedded.ports import free_ports
from weftline.gateway.stream import MOST_OF_ONE
from weftline.runtime.settings import load
from weftline.warehouse.client import reader
from weftline.warehouse.partners import put_partner, put_token

TICKS = os.sysconf("SC_CLK_TCK")
TOPIC = BY_CLASS[Alert].topic
ALERT_PARTITIONS = 8


def spent(pid: int) -> float:
    """Seconds of processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Listeners:
    """Connections that count what comes."""

    def __init__(self) -> None:
        self.opened = self.beats = self.alerts = self.again = 0
        self.why = ""
        self.tasks: list[asyncio.Task[None]] = []
        self.news = asyncio.Event()

    async def until(self, there: Callable[[], bool], seconds: float) -> None:
        """Wait for what shall be there; what is missing then stands in the figures."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not there():
                    self.news.clear()
                    await self.news.wait()

    async def listen(self, port: int, token: str) -> None:
        """As a client does: where the gateway has to wait for a server, it comes again."""
        while not await self._listen(port, token):
            self.again += 1
            await asyncio.sleep(2)

    async def _listen(self, port: int, token: str) -> bool:
        stream, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /v1/alerts/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        if b" 200 " not in await stream.readline():
            self.why = self.why or (await stream.read(2_000)).rpartition(b"\r\n\r\n")[2].decode()
            writer.close()
            return False
        while line := await stream.readline():
            self.opened += b"where this stream begins" in line
            self.beats += line.startswith(b": heartbeat")
            self.alerts += line.startswith(b"event: alert")
            self.news.set()
        return True


async def measure(port: int, pid: int, tokens: list[str], seconds: float, kafka: str) -> None:
    async def watch(what: str) -> None:
        before, began, beats = spent(pid), time.monotonic(), found.beats
        await asyncio.sleep(seconds)
        took = time.monotonic() - began
        used = spent(pid) - before
        print(f"{what}: {100 * used / took:.2f} % of a core over {took:.0f} s, {found.beats - beats} heartbeats", flush=True)

    found = Listeners()
    await watch("no streams")
    for number, token in enumerate(tokens):
        found.tasks.append(asyncio.create_task(found.listen(port, token)))
        if number % 10 == 9:
            await asyncio.sleep(0.2)
    await found.until(lambda: found.opened == len(tokens), 120)
    print(
        f"{found.opened} streams are open, {found.again} were told to come again ({found.why}), load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    await asyncio.sleep(5)
    await watch(f"{len(tokens)} idle streams")
    producer = Producer({"bootstrap.servers": kafka})
    told = replace(ALERT, factory_id="f-0")
    producer.produce(TOPIC, key=b"f-0", partition=partition_of(b"f-0", ALERT_PARTITIONS), value=CODEC.encode(told))
    producer.flush(30)
    await found.until(lambda: found.alerts == MOST_OF_ONE, 30)
    print(f"an alert of one factory came on {found.alerts} of its {MOST_OF_ONE} streams", flush=True)
    for task in found.tasks:
        task.cancel()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--streams", type=int, default=500)
    asked.add_argument("--seconds", type=float, default=60.0)
    given = asked.parse_args()
    os.environ.setdefault("WEFTLINE_CLICKHOUSE_PASSWORD", "of-the-bench")  # known to every program that is started here
    with tempfile.TemporaryDirectory(prefix="weftline-streams-") as name:
        folder = Path(name)
        with stack_at(folder / "stack", int(time.time() * 1000), ()) as stack:
            assert stack.addresses is not None
            environment = dict(stack.addresses.environment())
            tokens: list[str] = []
            with reader(load(**stack.addresses.settings())) as server:
                for number in range(-(-given.streams // MOST_OF_ONE)):
                    put_partner(server, checked(Partner(partner_id=f"p-{number}", role=Role.FACTORY, factories=(f"f-{number}",))))
                    made = new_token(f"p-{number}", int(time.time() * 1000), None)
                    put_token(server, made.token)
                    tokens += [made.text] * MOST_OF_ONE
            port, pages = free_ports(2)
            gateway = Running(replace(gateway_child(environment, port, pages), ready_seconds=300.0), folder / "gateway.log")
            try:
                try:
                    gateway.wait_ready()
                except DidNotStart:
                    sys.exit((folder / "gateway.log").read_text("utf-8"))
                asyncio.run(measure(port, gateway.pid, tokens[: given.streams], given.seconds, stack.addresses.kafka))
            finally:
                gateway.stop()


if __name__ == "__main__":
    main()
