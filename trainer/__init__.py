"""The offline trainer: from a YAML file to a policy bundle."""
