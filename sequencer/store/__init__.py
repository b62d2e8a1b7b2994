"""What is remembered? The tables and one file a noun: the only place that knows SQL."""
