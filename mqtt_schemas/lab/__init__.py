"""A throw-away laboratory: certificates and a private broker for the demo and the tests.

Nothing of it is for production. Its certificate authority keeps its private key beside the certificates it
signs, unencrypted, and its broker listens on loopback only. A service's own certificate authority and brokers
come from provisioning.
"""
