"""`slipway up`: which processes there are, and how they are started, watched and ended."""
