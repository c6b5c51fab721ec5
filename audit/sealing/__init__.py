"""From events to signed checkpoints, and from a checkpoint back to the proof of one event.

``seal``, ``sealer``, ``keys``, ``memory``, ``database`` and ``anchoring`` belong to the sealer, the only process that
holds a private key. ``trust`` and ``proof`` are for everybody: they know public keys alone.
"""
