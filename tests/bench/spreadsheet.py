"""A large table to events: seconds, CPU and peak memory. ``python -m tests.bench.spreadsheet --rows 100000 --sort csv|xlsx``.

Without ``--kafka`` events go to a sender that does nothing; with it (HOST:PORT of a running stack) they are published.
"""

from __future__ import annotations

import argparse
import csv
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import xlsxwriter

from tests.support.spreadsheets import HEADER, NOW, ORDERS, Broker, mapping, text_of
from weftline.files.publishing import Means, Reporting, publish_table
from weftline.sdk import Publisher
from weftline.sdk.advice import Adviser
from weftline.sdk.common import Defaults

STATUSES = ("已申请", "已确认", "打样中", "已寄出", "已签收")


class Nobody(Broker):
    """Takes events and keeps none."""

    def hand_over(self, event: Any) -> None:
        pass


def rows(count: int) -> Iterator[list[Any]]:
    begin = datetime(2026, 5, 1, 8)
    for number in range(count):
        at = begin + timedelta(minutes=number)
        factory = ("海门叠石桥家纺厂", "通州二厂")[number % 2]
        what = [f"A-{number // 5:06}", f"ST-{number % 700}", "床单", STATUSES[number % 5], 1]
        yield [at, factory, *what, (at + timedelta(days=7)).date(), 3 + number % 9]


def write(path: Path, count: int) -> None:
    if path.suffix == ".csv":
        with path.open("w", encoding="gb18030", newline="") as stream:
            csv.writer(stream).writerows([text_of(cell) for cell in row] for row in (HEADER, *rows(count)))
        return
    with xlsxwriter.Workbook(path, {"constant_memory": True, "default_date_format": "yyyy/m/d hh:mm"}) as book:
        page = book.add_worksheet()
        for at, row in enumerate((HEADER, *rows(count))):
            page.write_row(at, 0, row)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--sort", choices=("csv", "xlsx"), default="csv")
    options.add_argument("--kafka", default=None)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"table.{asked.sort}"
        write(file, asked.rows)
        sending = Publisher(asked.kafka) if asked.kafka else None
        adviser = Adviser()
        means = Means(
            Path(folder) / "ledger",
            Defaults(),
            lambda event: adviser.advise(event, NOW) if sending is None else sending.advise(event),
            sending or Nobody(),
            lambda: NOW,
        )
        for run in ("first", "again"):
            began, busy = time.monotonic(), time.process_time()
            done = publish_table(file, mapping(ORDERS), means, Reporting())
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            print(
                f"{run}: {done.new:,} new, {done.unchanged:,} unchanged in {time.monotonic() - began:.1f} s, "
                f"CPU {time.process_time() - busy:.1f} s, at most {peak} MB"
            )
        if sending is not None:
            sending.close()


if __name__ == "__main__":
    main()
