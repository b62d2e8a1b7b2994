"""How does `python -m sequencer` start? As the `sequencer` command does."""

from sequencer.cli import main

main()
