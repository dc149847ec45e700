"""robotctl: the robot's command line. One file per verb, imported only when that verb is used."""
