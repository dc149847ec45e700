"""`trainer report`: runs read back, their curves, trials and verdicts, and the page of it all."""
