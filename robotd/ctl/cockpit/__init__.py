"""What `robotctl dashboard` serves: one page that shows a running robotd and lets whoever has the key act on it."""
