"""`make bench`: how fast it is, as ratios to a limit that is measured or known in the same run."""
