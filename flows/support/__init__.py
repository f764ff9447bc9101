"""What all flows need: settings, secrets, retries, commands of other packages, locks, parameter overrides."""
