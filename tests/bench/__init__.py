"""`make bench`: figures of this machine and this commit. Ratios are within one run; no test depends on them."""
