"""Which words are there to translate? `python -m sequencer.cli.words` brings templates/locale/*.po up to date."""

import sys

from sequencer.content import catalogues

if __name__ == "__main__":
    sys.stdout.write(catalogues.update_shipped())
