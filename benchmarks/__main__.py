"""What does `make bench` measure? Each benchmark in turn, as docs/performance.md quotes them."""

import subprocess
import sys

BENCHMARKS = (
    ("drain", "--messages", "20000"),
    ("relay",),
    ("due", "--most", "1000000"),
    ("dkim",),
)

for name, *options in BENCHMARKS:
    print(f"\n{name}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], check=True)  # noqa: S603
