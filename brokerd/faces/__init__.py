"""The faces of the registry: JSON-RPC over websocket and HTTP, plain HTTP, and pages and files.

None has methods of its own beyond its handshake.
"""
