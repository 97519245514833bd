"""Documentation of the action of this name; the work is done on the controller (plugins/action)."""

DOCUMENTATION = """
module: inventory_check
short_description: Check the whole inventory before any device is touched
description:
  - Refuses variables that nobody reads (and names the nearest one that somebody does), two devices with one name or
    address, a device without a post, a post without a broker, and values that are badly written.
author: Borne
options: {}
"""

EXAMPLES = """
- name: Check names, variables, posts and brokers
  inventory_check:
  run_once: true
"""

RETURN = """
findings:
  description: What is wrong, each with a stable code.
  type: list
  elements: dict
  returned: always
"""
