"""Chaos: real workers, devices and a database, disturbed at every recorded step; afterwards accounts are compared.

``python -m tests.chaos --help`` tells how; docs/execution.md explains what is compared with what.
"""
