"""Who looks at which shard, on which machine? The engines: each carries hints, and none carries a message."""
