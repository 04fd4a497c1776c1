"""The registry of API methods: each declared once, beside its code; every face is generated from it.

- L{brokerd.registry.declare}: the decorators C{method} and C{endpoint}, and what they record.
- L{brokerd.registry.parameters}: parameter types, read from a signature, and their conversion.
- L{brokerd.registry.table}: the methods of a running broker, found by name or by HTTP route.
- L{brokerd.registry.results}: the notation of results, and JSON schemas made of it.
- L{brokerd.registry.served}: names of what is served.
- L{brokerd.registry.reference}: OpenAPI, and the reference for people.
"""
