"""``python -m weftline`` is the command ``weftline``."""

from weftline.cli import main

main()
