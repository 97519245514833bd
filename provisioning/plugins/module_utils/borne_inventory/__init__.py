"""What is wrong with an inventory, told before any device is touched. No part of Ansible is needed to run it."""

from .devices import READ, check_devices
from .files import check_files, inventory_files, known_variables
from .finding import Finding

__all__ = ["READ", "Finding", "check_devices", "check_files", "inventory_files", "known_variables"]
