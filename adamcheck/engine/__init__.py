"""The engine: a plan of units, a run that yields events, a verdict made of them."""
