"""Virtual devices: processes that speak the true wire. See wire.py and launch.py."""
