"""Entry point of the console script `robotd`: what must be said to libraries before they are loaded."""

from __future__ import annotations

import os


def main() -> None:
    """Run the daemon. OpenBLAS gets one thread: each one more takes 32 MiB and is never needed."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from robotd.daemon import main as daemon

    daemon()


if __name__ == "__main__":
    main()
