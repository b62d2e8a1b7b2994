"""What is decided? Values and rules, without clock, file, socket or dice; standard library only."""
