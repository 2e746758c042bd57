"""The rig: engines, cores and simulated microscopes that make frames; knows no model and no consumer."""
