"""Results on their way out: one bounded outlet per consumer, by its class. Knows no model, camera or plan."""
