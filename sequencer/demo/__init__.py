"""What does a stranger see first? The real service on loopback, with a site, an inbox, and a clock that is driven."""
