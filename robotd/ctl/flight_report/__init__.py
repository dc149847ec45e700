"""What `robotctl report` does: a black box as one page that tells what happened, why it stopped, and how it ran."""
