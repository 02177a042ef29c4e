"""A publisher over a spool that goes on until it is killed: it says the number of each event that it was told is kept.

``python spool_publisher.py KAFKA FOLDER FIRST KEYS``: the spool's folder, the number of the first event, of how many orders they are.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from itertools import count

from tests.support.examples import ORDER

from weftline.sdk import Publisher


def main(kafka: str, folder: str, first: int, keys: int) -> None:
    logging.disable()  # of a broker that is away
    with Publisher(kafka, spool=folder) as publisher:
        for number in count(first):
            order = replace(ORDER, event_id=f"e-{number}", order_id=f"O-{number % keys}", sequence=number)
            publisher.publish(order)
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
