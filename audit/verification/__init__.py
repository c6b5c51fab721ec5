"""The server's own verification: every event against every leaf, tile, checkpoint and anchor, in constant memory."""
