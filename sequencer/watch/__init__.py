"""How do others watch this process? What is counted in it, and the address at which that is told."""
