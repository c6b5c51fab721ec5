"""Hooks: programs of other packages that learn of what happens to changes, and may object before it happens.

A package offers one as an entry point of the group ``countersign.hooks``; see docs/hooks.md. Hooks run in processes of
their own, never in that of the portal or of a worker.
"""
