"""From override strings to a checked config: the parts of aurl that know Hydra's grammar and errors."""
