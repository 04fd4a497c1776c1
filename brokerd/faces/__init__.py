"""The faces of the registry: JSON-RPC over websocket and HTTP, plain HTTP, and the pages and files they serve.

None has methods of its own beyond its handshake.
"""
