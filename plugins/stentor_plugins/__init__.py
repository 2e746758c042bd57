"""Built-in stages, one each, found through the same entry points as a stranger's; they see core and inference only."""
