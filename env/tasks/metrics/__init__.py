"""How what was found is scored: one function for each metric of OSWorld."""
